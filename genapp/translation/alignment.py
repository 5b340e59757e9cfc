"""How far attention agrees with people: heaviest source words against a gold alignment.

Shapes: T written and S read pieces, W written and R read words, L layers, H heads.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genapp.data.pairs import LANGUAGES
from genapp.errors import UserError
from genapp.service import Loaded
from genapp.translation import batches, gallery, search
from genapp.translation.gallery import Gold, Links
from genapp.translation.generate import END, vocabularies
from genapp.translation.vocab import EOS, SPACE, Vocabulary

MOST = 1_000  # sentences of a measurement
Weights = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Alignment accuracies over sentences of the grammar, each 0 to 1."""

    mean: float  # of the mean over layers and heads
    end: float  # share of words whose heaviest source is the end mark
    without_end: float  # the mean's accuracy when the end mark is not counted as a word
    heads: list[list[float]]  # (L, H)
    layer: int  # the best head on every other sentence …
    head: int
    best: float  # … and its accuracy on the others
    diagonal: float  # of reading the source at an even pace, without looking
    swap: float | None  # the best head's anti-diagonal mass where noun and adjective cross
    noun: tuple[int, int, float]  # layer, head, weight: most on the noun while writing "the"
    sentences: int
    words: int
    seconds: float


def words_of(pieces: Sequence[str]) -> list[int]:
    """The word each piece belongs to: "▁" and signs begin one, and so does the end mark.

    ``["▁j", "'", "ai", "▁rou", "ge", "."]`` → ``[0, 1, 2, 3, 3, 4]``
    """
    words, count, before = [], -1, ""
    for piece in pieces:
        begins = piece.startswith(SPACE) or _sign(piece) or _sign(before) or piece == END
        if begins and not (before == SPACE and _sign(piece)):
            count += 1
        words.append(max(0, count))
        count, before = max(0, count), piece
    return words


def _sign(piece: str) -> bool:
    return piece != "" and not any(c.isalnum() or c == SPACE for c in piece)


def by_word(weights: Weights, source: Sequence[str], target: Sequence[str]) -> Weights:
    """(T, L, H, S) over pieces → (W, L, H, R): summed over what is read, averaged over what is
    written; the end marks count as words."""
    rows, columns = (np.eye(max(w) + 1)[w] for w in (words_of(target), words_of(source)))
    return np.einsum("tw,tlhs,sr->wlhr", rows / rows.sum(0), weights, columns)


def cells(gold: Gold, source: Sequence[str], target: Sequence[str]) -> list[list[int]]:
    """The expected pattern in pieces: [first row, last row, first column, last column] each.

    Raises :class:`UserError` if the pieces don't make up the gold's words.
    """
    read, made = np.array(words_of(source)), np.array(words_of(target))
    if (read.max(), made.max()) != (len(gold.source), len(gold.target)):
        raise UserError(
            f"The model reads other words than “{gold.text}”", "choose one that reads word pieces."
        )
    spans = []
    for i, link in enumerate(gold.links):
        rows = np.flatnonzero(made == i)
        for j in link:
            columns = np.flatnonzero(read == j)
            spans.append([int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])])
    return spans


def hits(weights: Weights, links: Links) -> NDArray[np.bool_]:
    """Whether the heaviest of (W, …, R) is gold, for each word that has any: (counted, …)."""
    best = weights.argmax(-1)
    return np.array([np.isin(best[i], link) for i, link in enumerate(links) if link])


def measure(loaded: Loaded, language: str, count: int = 200, seed: int = 0) -> Measured:
    """Alignment accuracy over ``count`` sentences of the grammar, teacher-forced.

    Raises :class:`UserError` for an unknown language, a count beyond 1 to 1,000 or a model
    without attention.
    """
    if language not in LANGUAGES:
        raise UserError(f"Unknown language {language!r}", f"choose from {', '.join(LANGUAGES)}.")
    if not 2 <= count <= MOST:
        raise UserError(f"{count} sentences can't be measured", f"give 2 to {MOST:,}.")
    began = time.perf_counter()
    chosen = gallery.grammar(language, count, seed)
    maps = _maps(loaded, chosen)
    right = [hits(w, g.links) for g, w in zip(chosen, maps, strict=True)]
    heads = np.concatenate(right).mean(0)  # (L, H)
    layer, head = np.unravel_index(np.concatenate(right[::2]).mean(0).argmax(), heads.shape)
    average = [w.mean((1, 2)) for w in maps]  # (W, R) each
    return Measured(
        mean=_share(average, chosen),
        end=float(np.mean([r == w.shape[1] - 1 for w in average for r in w.argmax(1)[:-1]])),
        without_end=_share([w[:, :-1] for w in average], chosen),
        heads=heads.tolist(),
        layer=int(layer),
        head=int(head),
        best=float(np.concatenate(right[1::2])[:, layer, head].mean()),
        diagonal=float(np.concatenate([_diagonal(g) for g in chosen]).mean()),
        swap=_swap(chosen, [w[:, layer, head] for w in maps]) if language == "fra" else None,
        noun=_noun(chosen, maps),
        sentences=count,
        words=sum(map(len, right)),
        seconds=time.perf_counter() - began,
    )


def _share(maps: Sequence[Weights], chosen: Sequence[Gold]) -> float:
    found = [hits(w, g.links) for g, w in zip(chosen, maps, strict=True)]
    return float(np.concatenate(found).mean())


def _maps(loaded: Loaded, chosen: Sequence[Gold]) -> list[Weights]:
    """(W, L, H, R) of each sentence, all read as one batch."""
    foreign, english = vocabularies(loaded)
    coded = [(foreign.encode(g.text), english.encode(g.reference)) for g in chosen]
    made = {name: t.to(loaded.device) for name, t in batches.tensors(coded).items()}
    _, weights = search.taught(loaded.model, made["source"], made["read"])
    if weights is None:
        raise UserError("This model has no attention", "choose one that looks back.")
    rows = []
    for (source, target), w, gold in zip(coded, weights.numpy(), chosen, strict=True):
        read, said = _pieces(foreign, source), _pieces(english, target)
        cells(gold, read, said)  # raises where the vocabulary cuts words another way
        rows.append(by_word(w[: len(said), :, :, : len(read)], read, said))
    return rows


def _pieces(vocabulary: Vocabulary, ids: Sequence[int]) -> list[str]:
    return [vocabulary.piece(t) for t in [*ids, EOS]]


def _diagonal(gold: Gold) -> NDArray[np.bool_]:
    R, W = len(gold.source), len(gold.target)
    paced = np.eye(R)[[round(i * (R - 1) / (W - 1)) for i in range(W)]]
    return hits(paced, gold.links)


def _swap(chosen: Sequence[Gold], maps: Sequence[Weights]) -> float | None:
    """Where two neighbours cross: the share of their own 2 × 2 weights on the anti-diagonal."""
    shares = []
    for gold, weights in zip(chosen, maps, strict=True):
        links = gold.links
        for i in range(len(links) - 1):
            if links[i] and links[i + 1] and links[i][0] == links[i + 1][0] + 1:
                square = weights[i : i + 2, links[i + 1][0] : links[i][0] + 1]  # (2, 2)
                shares.append(float(square[::-1].trace() / square.sum()))
    return float(np.mean(shares)) if shares else None


def _noun(chosen: Sequence[Gold], maps: Sequence[Weights]) -> tuple[int, int, float]:
    """The head that looks most at the noun while it writes the article."""
    masses = []
    for gold, weights in zip(chosen, maps, strict=True):
        noun = gold.links[-2][0]  # the last word before the full stop
        masses.append(weights[gold.target.index("the"), :, :, noun])
    mean = np.mean(masses, 0)  # (L, H)
    layer, head = np.unravel_index(mean.argmax(), mean.shape)
    return int(layer), int(head), float(mean[layer, head])
