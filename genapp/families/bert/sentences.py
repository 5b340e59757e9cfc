"""Documents cut into sentences, and sentences by their token ids."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genapp.errors import UserError
from genapp.families.bert.wordpiece import WordPiece

_END = r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)]))(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)"
_BOUNDARY = re.compile(_END + r"\s+(?=[\"'“‘(]*[A-ZА-ЯЁ0-9])|\n+")


def split(text: str) -> list[str]:
    """The sentences of ``text``; a line break always ends one."""
    return [part for s in _BOUNDARY.split(text) if (part := s.strip())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """Documents end to end, with the bounds of their sentences."""

    tokens: np.ndarray  # uint32
    bounds: np.ndarray  # (S + 1,) where each sentence begins in ``tokens``
    stop: np.ndarray  # (S,) the sentence behind the last one of the same document
    first: np.ndarray  # sentences that have another behind them

    def run(self, start: int, room: int, stop: int) -> tuple[np.ndarray, int]:
        """Sentences ``start`` … before ``stop`` while they fit into ``room`` tokens, the first in
        any case and whole, and the sentence behind them."""
        end = start + 1
        while end < stop and self.bounds[end + 1] - self.bounds[start] <= room:
            end += 1
        return self.tokens[self.bounds[start] : self.bounds[end]], end


def collect(documents: Sequence[str], pieces: WordPiece) -> Sentences:
    """Raises :class:`UserError` where no document has two sentences."""
    cut = [split(document) for document in documents]
    coded = iter(pieces.encode_all([s for document in cut for s in document]))
    kept = [[ids for _ in document if len(ids := next(coded)) > 1] for document in cut]
    flat = [ids for document in kept for ids in document]
    counts = [len(document) for document in kept]
    ends = np.repeat(np.cumsum(counts), counts)
    follow = np.flatnonzero(np.arange(len(flat)) + 1 < ends)
    if not len(follow):
        raise UserError("The text has no two sentences in a row", "give a longer one.")
    return Sentences(
        tokens=np.array([t for ids in flat for t in ids], dtype=np.uint32),
        bounds=np.cumsum([0, *map(len, flat)]),
        stop=ends,
        first=follow,
    )
