"""Text for a GPT: one stream of token ids per style, and windows drawn from it.

A document enters its stream as ``<|style|> text <|endoftext|>``, so that the style token at the
start of a prompt steers what follows. Whole documents are held out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genapp.data import texts
from genapp.errors import UserError
from genapp.families.gpt.tokenizer import BPE, Characters, Tokenizer, train_bpe

# Share of windows per style. Fables and tales are few (50,000 and 114,000 tokens): read more than
# about fifteen times they are known by heart, and their held-out loss rises while every other
# style's still falls.
SHARES = {
    "story": 0.55,
    "fable": 0.02,
    "tale": 0.04,
    "play": 0.07,
    "scripture": 0.07,
    "review": 0.14,
    "news": 0.11,
}
VALUES = {
    "story": 0.2,
    "fable": 0.2,
    "tale": 0.2,
    "play": 0.1,
    "scripture": 0.1,
    "review": 0.1,
    "news": 0.1,
}
HELD_OUT = {"fable": 0.07, "tale": 0.07}  # the small ones need more for a steady number
# At most this share of windows begins where a document does, as a visitor's prompt does; less where
# documents are long, or their first pages would be known by heart.
ALIGNED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The tokens of one style, documents end to end."""

    train: np.ndarray  # uint16
    held: np.ndarray  # uint16
    held_bytes: int  # UTF-8 bytes behind ``held``
    starts: np.ndarray  # where documents begin in ``train``


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What a run reads: streams by style, their tokenizer, and the card's data entries."""

    tokenizer: Tokenizer
    streams: Mapping[str, Stream]
    sources: Sequence[Mapping[str, str]]

    def batch(self, k: int, rows: int, context: int, seed: int) -> Tensor:
        """Windows (rows, context + 1) of batch ``k``; depends on nothing else."""
        rng = np.random.default_rng((seed, k))
        styles = list(self.streams)
        share = np.array([SHARES.get(style, 1.0) for style in styles])
        drawn = rng.choice(len(styles), rows, p=share / share.sum())
        windows = [_window(self.streams[styles[i]], context + 1, rng) for i in drawn]
        return torch.from_numpy(np.stack(windows).astype(np.int64))


def _window(stream: Stream, length: int, rng: np.random.Generator) -> np.ndarray:
    last = len(stream.train) - length
    start = int(rng.integers(last + 1))
    heads = len(stream.starts) * length / len(stream.train)  # share of the text they cover
    if rng.random() < min(ALIGNED, heads):
        start = min(int(rng.choice(stream.starts)), last)
    return stream.train[start : start + length]


def styled(vocab: int, seed: int, context: int, tokenizer: BPE | None = None) -> Corpus:
    """The project's own corpora, with a BPE of ``vocab`` tokens learned on their training part.

    A given ``tokenizer`` only learns the styles it does not know yet.
    """
    documents = texts.load(missing="skip")
    split = {s: texts.split(d, seed, HELD_OUT.get(s, 0.05)) for s, d in documents.items()}
    if tokenizer is not None:
        tokenizer.learn(texts.STYLES)
    else:
        # Every style has its say in the merges, not only the longest: about a megabyte each.
        learn = [doc for train, _ in split.values() for doc in _megabyte(train)]
        tokenizer = train_bpe(learn, vocab, texts.STYLES)
    sources = [_card(style) for style in documents]
    return _corpus(tokenizer, split, sources, context)


def _megabyte(documents: list[str]) -> list[str]:
    size = sum(map(len, documents))
    if size < 1_000_000:
        return documents * min(4, 1_000_000 // size)
    return documents[:: max(1, size // 1_000_000)]


def _card(style: str) -> dict[str, str]:
    source = texts.SOURCES[style]
    return {"name": source.name, "licence": source.licence, "source": source.url}


def shakespeare(context: int) -> Corpus:
    """Tiny Shakespeare by characters; the last tenth is held out, as in nanoGPT."""
    text = texts.tiny_shakespeare()
    cut = int(len(text) * 0.9)
    source = {
        "name": "tiny Shakespeare",
        "licence": "public domain",
        "source": "https://github.com/karpathy/char-rnn",
    }
    tokenizer = Characters(sorted(set(text)))
    return _corpus(tokenizer, {"text": ([text[:cut]], [text[cut:]])}, [source], context)


def manual(vocab: int, seed: int, context: int) -> Corpus:
    """Pages of Python's own manual: a stand-in that every machine has."""
    from pydoc_data.topics import topics

    documents = [page for _, page in sorted(topics.items())][:40]
    train, held = texts.split(documents, seed, 0.1)
    source = {
        "name": "Python's manual pages",
        "licence": "Python Software Foundation Licence 2",
        "source": "the standard library's pydoc_data",
    }
    return _corpus(train_bpe(train, vocab), {"text": (train, held)}, [source], context)


def own(
    path: Path, vocab: int, characters: bool, seed: int, context: int,
    tokenizer: Tokenizer | None = None,
) -> Corpus:  # fmt: skip
    """A person's text file, in a given tokenizer or one learned from it.

    Raises :class:`UserError` if it is too short for ``context``.
    """
    documents = texts.own_file(path)
    train, held = _own_split(documents, seed)
    if tokenizer is not None:
        pass
    elif characters:
        tokenizer = Characters(sorted(set("\n\n".join(documents))))
        if tokenizer.size > 2_000:
            raise UserError(
                f"{path.name} holds {tokenizer.size:,} different characters",
                "use the preset gpt-mini.",
            )
    else:
        tokenizer = train_bpe(train, vocab)
    source = {"name": path.name, "licence": "the person's own text", "source": "local file"}
    return _corpus(tokenizer, {"text": (train, held)}, [source], context)


def _own_split(documents: list[str], seed: int) -> tuple[list[str], list[str]]:
    """A tenth held out: documents if there are ten, else the end of the text."""
    if len(documents) >= 10:
        return texts.split(documents, seed, 0.1)
    text = "\n\n".join(documents)
    cut = int(len(text) * 0.9)
    return [text[:cut]], [text[cut:]]


def _corpus(
    tokenizer: Tokenizer,
    split: Mapping[str, tuple[list[str], list[str]]],
    sources: Sequence[Mapping[str, str]],
    context: int,
) -> Corpus:
    streams = {}
    for style, (train, held) in split.items():
        pieces = [_tokens(tokenizer, doc, style) for doc in train]
        held_tokens = [t for doc in held for t in _tokens(tokenizer, doc, style)]
        streams[style] = Stream(
            train=np.array([t for piece in pieces for t in piece], dtype=np.uint16),
            held=np.array(held_tokens, dtype=np.uint16),
            held_bytes=sum(len(doc.encode()) for doc in held),
            starts=np.cumsum([0, *map(len, pieces)])[:-1],
        )
        if len(streams[style].train) <= context or len(streams[style].held) < 2:
            raise UserError(
                f"The text has only {len(streams[style].train):,} tokens to train on",
                f"give one of {context + 2:,} tokens or more, about {8 * context:,} characters.",
            )
    return Corpus(tokenizer=tokenizer, streams=streams, sources=sources)


def _tokens(tokenizer: Tokenizer, document: str, style: str) -> list[int]:
    tokens = tokenizer.encode(document)
    first, end = tokenizer.special(style), tokenizer.end
    return [*([] if first is None else [first]), *tokens, *([] if end is None else [end])]
