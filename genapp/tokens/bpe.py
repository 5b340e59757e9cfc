"""Byte-pair encoding, one merge at a time (Sennrich, Haddow and Birch 2016, algorithm 1).

Start from characters; join the most frequent neighbouring pair into one token; count again. What
was learned is a list of merges; a new word is cut by replaying them in order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from genapp.errors import UserError
from genapp.tokens.check import readable

END = "⟂"  # ends a word, so that "est" and "est⟂" differ
MOST_MERGES = 400
LONGEST_CORPUS = 20_000  # characters
SHOWN = 10  # pairs of the counts table

Pair = tuple[str, str]
Ties = Literal["first", "lowest"]
Words = list[tuple[list[str], int]]  # a word as its tokens, and how often it occurs


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One merge: what was counted before it, and what is left after it."""

    pair: Pair
    count: int
    table: tuple[tuple[Pair, int], ...]  # the most frequent pairs, the winner first
    vocabulary: int  # distinct tokens learned so far: characters + merges
    tokens: int  # the corpus in tokens, after the merge


def words_of(text: str, end_mark: bool = True) -> dict[str, int]:
    """How often each word occurs, in order of first appearance; words end at white space."""
    counts: dict[str, int] = {}
    for word in text.split():
        marked = word + END if end_mark else word
        counts[marked] = counts.get(marked, 0) + 1
    return counts


def learn(words: Mapping[str, int], merges: int, ties: Ties = "first") -> Iterator[Step]:
    """Up to ``merges`` steps; ends early once every word is one token.

    Of equally frequent pairs ``"first"`` takes the one seen first, ``"lowest"`` the one whose
    tokens are oldest (characters in code order, then merges), as the ``tokenizers`` library does.
    """
    corpus: Words = [(list(word), count) for word, count in words.items()]
    ages = {c: i for i, c in enumerate(sorted({c for word in words for c in word}))}
    for _ in range(merges):
        counts = pair_counts(corpus)
        if not counts:
            return
        if ties == "lowest":
            ranked = sorted(counts, key=lambda p: (-counts[p], ages[p[0]], ages[p[1]]))
        else:
            ranked = sorted(counts, key=lambda p: -counts[p])  # stable: the first seen stays first
        best = ranked[0]
        corpus = [(merge(tokens, best), count) for tokens, count in corpus]
        ages.setdefault("".join(best), len(ages))
        yield Step(
            pair=best,
            count=counts[best],
            table=tuple((pair, counts[pair]) for pair in ranked[:SHOWN]),
            vocabulary=len(ages),
            tokens=sum(len(tokens) * count for tokens, count in corpus),
        )


def pair_counts(corpus: Iterable[tuple[Sequence[str], int]]) -> dict[Pair, int]:
    """How often each pair of neighbours occurs, in order of first appearance."""
    counts: dict[Pair, int] = {}
    for tokens, count in corpus:
        for pair in pairwise(tokens):
            counts[pair] = counts.get(pair, 0) + count
    return counts


def merge(tokens: Sequence[str], pair: Pair) -> list[str]:
    """``tokens`` with every ``pair`` joined, from left to right."""
    out: list[str] = []
    at = 0
    while at < len(tokens):
        if tuple(tokens[at : at + 2]) == pair:
            out.append(tokens[at] + tokens[at + 1])
            at += 2
        else:
            out.append(tokens[at])
            at += 1
    return out


def encode(word: str, merges: Iterable[Pair]) -> list[str]:
    """A word, with its end mark if there is one, cut by replaying ``merges`` in order."""
    tokens = list(word)
    for pair in merges:
        tokens = merge(tokens, pair)
    return tokens


def played(text: str, merges: int, end_mark: bool = True, ties: Ties = "first") -> list[Step]:
    """All steps on a person's text; raises :class:`UserError` for a text or number out of bounds.

    Costs one pass over the distinct words a step: about a second for 20,000 characters.
    """
    readable(text, LONGEST_CORPUS, "corpus")
    if not 1 <= merges <= MOST_MERGES:
        raise UserError(f"{merges} merges can't be played", f"ask for 1 to {MOST_MERGES}.")
    if ties not in ("first", "lowest"):
        raise UserError(f"There is no rule {ties!r} for ties", "choose first or lowest.")
    return list(learn(words_of(text, end_mark), merges, ties))
