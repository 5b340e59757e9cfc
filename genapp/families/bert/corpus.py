"""What a BERT reads in training: pairs of sentences from whole documents, some held out.

A pair is two runs of sentences. Half the time B follows A in its document; else B comes from
another place: from any document, as in the paper. Most of those are of another style; the card
also tells how well the model does where they are of the same one, which is harder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from genapp.data import texts
from genapp.families.bert import sentences, wordpiece
from genapp.families.bert.corrupt import LEFT, Corruption, corrupt
from genapp.families.bert.sentences import Sentences
from genapp.families.bert.wordpiece import WordPiece

STYLES = ("fable", "tale", "scripture", "review", "news")
# Share of pairs. Fables and tales are what visitors try; they are small, and read ten times over.
SHARES = {"fable": 0.06, "tale": 0.12, "scripture": 0.24, "review": 0.32, "news": 0.26}
HELD_OUT = {"fable": 0.07, "tale": 0.07}
USUAL = 64  # tokens of most rows; one batch in ten is as long as the context, half as many rows
SINGLE = 0.1  # of the rows hold no B, as what a person types
SHORT = 0.2  # of the batches pair one sentence with one, as in the tab
NOWHERE = -100  # label of a row without B

Elsewhere = Literal["any", "style"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Sentences by style, their vocabulary, and the card's data entries."""

    pieces: WordPiece
    train: Mapping[str, Sentences]
    held: Mapping[str, Sentences]
    documents: Mapping[str, list[str]]  # what is held out, as it was written
    sources: Sequence[Mapping[str, str]]

    def batch(
        self, k: int, rows: int, context: int, seed: int, how: Corruption
    ) -> dict[str, Tensor]:
        """Batch ``k`` of the training part; depends on nothing else. See :func:`tensors`."""
        rng = np.random.default_rng((seed, k))
        room, kind = min(USUAL, context), rng.random()
        if kind < SHORT:
            pairs = self.pairs(self.train, rows, room, rng, short=True)
        elif kind < 0.9:
            pairs = self.pairs(self.train, rows, room, rng)
        else:
            pairs = self.pairs(self.train, max(1, rows * room // context), context, rng)
        return tensors(self.pieces, pairs, how, rng)

    def pairs(
        self, part: Mapping[str, Sentences], rows: int, room: int, rng: np.random.Generator,
        short: bool = False, elsewhere: Elsewhere = "any", single: float = SINGLE,
    ) -> "list[Pair]":  # fmt: skip
        """Pairs of up to ``room`` tokens, [CLS] and both [SEP] counted in."""
        styles = list(part)
        share = np.array([SHARES.get(style, 1.0) for style in styles])
        drawn = rng.choice(len(styles), (rows, 2), p=share / share.sum())
        made = []
        for mine, other in drawn:
            if elsewhere == "style":
                other = mine
            a, b = part[styles[mine]], part[styles[other]]
            made.append(_pair(a, b, room - 3, rng, short, rng.random() < single))
        return made


@dataclass(frozen=True, slots=True)
class Pair:
    """Token ids of A and B, and whether B follows: 0 yes, 1 no, ``NOWHERE`` there is no B."""

    a: np.ndarray
    b: np.ndarray
    label: int


def _pair(
    here: Sentences, there: Sentences, room: int, rng: np.random.Generator, short: bool,
    single: bool,
) -> Pair:  # fmt: skip
    start = int(rng.choice(here.first))
    stop = int(here.stop[start])
    if single:
        a, _ = here.run(start, 0 if short else room, stop)
        return Pair(a[: room + 1], a[:0], NOWHERE)
    wish = 0 if short else int(room * rng.uniform(0.25, 0.75))
    a, begin = here.run(start, wish, stop - 1)
    label = int(rng.random() < 0.5)
    if label:
        here, begin = there, _another(here, there, start, rng)
    rest = room - min(len(a), room // 2 if short else max(wish, 8))
    b, _ = here.run(begin, 0 if short else rest, int(here.stop[begin]))
    b = b[: max(room - len(a), room // 2) if short else rest]
    return Pair(a[-(room - len(b)) :], b, label)  # a long A loses its beginning


def _another(here: Sentences, there: Sentences, start: int, rng: np.random.Generator) -> int:
    """A sentence of another document, where there is one."""
    for _ in range(20):
        begin = int(rng.integers(len(there.stop)))
        if there is not here or there.stop[begin] != here.stop[start]:
            break
    return begin


def tensors(
    pieces: WordPiece, pairs: Sequence[Pair], how: Corruption, rng: np.random.Generator
) -> dict[str, Tensor]:
    """``ids``, ``segments``, ``attend`` (B, T); flat positions ``chosen`` (N,) with the ids that
    stood there, ``wanted`` (N,); and ``next`` (B,)."""
    rows = [_row(pieces, pair) for pair in pairs]
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pieces.pad)
    segments = np.zeros_like(ids)
    for i, (row, pair) in enumerate(zip(rows, pairs, strict=True)):
        ids[i, : len(row)] = row
        segments[i, len(pair.a) + 2 : len(row)] = 1
    words = ~np.isin(ids, np.array([pieces.pad, pieces.cls, pieces.sep]))
    read, fate = corrupt(ids, words, how, pieces.mask, pieces.ordinary, rng)
    chosen = np.flatnonzero(fate != LEFT)
    arrays = {
        "ids": read,
        "segments": segments,
        "attend": ids != pieces.pad,
        "chosen": chosen,
        "wanted": ids.ravel()[chosen],
        "next": np.array([pair.label for pair in pairs]),
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _row(pieces: WordPiece, pair: Pair) -> np.ndarray:
    row = [pieces.cls, *pair.a, pieces.sep]
    return np.array([*row, *pair.b, pieces.sep] if len(pair.b) else row)


def styled(vocab: int, seed: int) -> Corpus:
    """The project's prose, with ``vocab`` word pieces learned on its training part."""
    documents = texts.load(STYLES, missing="skip")
    split = {s: texts.split(d, seed, HELD_OUT.get(s, 0.05)) for s, d in documents.items()}
    # Every style has its say in the pieces: about two megabytes each.
    learn = [doc for train, _ in split.values() for doc in _some(train, 2_000_000)]
    found = [texts.SOURCES[style] for style in documents]
    sources = [{"name": s.name, "licence": s.licence, "source": s.url} for s in found]
    return _corpus(wordpiece.train(learn, vocab), split, sources)


def _some(documents: list[str], wanted: int) -> list[str]:
    size = sum(map(len, documents))
    return documents * min(4, wanted // size) if size < wanted else documents[:: size // wanted]


def manual(vocab: int, seed: int) -> Corpus:
    """Pages of Python's own manual: a stand-in that every machine has."""
    from pydoc_data.topics import topics

    documents = [page for _, page in sorted(topics.items())][:40]
    train, held = texts.split(documents, seed, 0.1)
    source = {
        "name": "Python's manual pages",
        "licence": "Python Software Foundation Licence 2",
        "source": "the standard library's pydoc_data",
    }
    return _corpus(wordpiece.train(train, vocab), {"text": (train, held)}, [source])


def own(path: Path, vocab: int, seed: int) -> Corpus:
    """A person's text file; raises :class:`UserError` if it is too short."""
    documents = texts.own_file(path)
    if len(documents) >= 10:
        train, held = texts.split(documents, seed, 0.1)
    else:
        text = "\n\n".join(documents)
        cut = int(len(text) * 0.9)
        train, held = [text[:cut]], [text[cut:]]
    source = {"name": path.name, "licence": "the person's own text", "source": "local file"}
    return _corpus(wordpiece.train(train, vocab), {"text": (train, held)}, [source])


def _corpus(
    pieces: WordPiece,
    split: Mapping[str, tuple[list[str], list[str]]],
    sources: Sequence[Mapping[str, str]],
) -> Corpus:
    return Corpus(
        pieces=pieces,
        train={s: sentences.collect(train, pieces) for s, (train, _) in split.items()},
        held={s: sentences.collect(held, pieces) for s, (_, held) in split.items()},
        documents={s: held for s, (_, held) in split.items()},
        sources=sources,
    )
