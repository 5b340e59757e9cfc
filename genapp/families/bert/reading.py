"""A person's text → what a BERT reads: ``[CLS] A [SEP] B [SEP]``, padded side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genapp.errors import UserError
from genapp.families.bert import wordpiece
from genapp.families.bert.wordpiece import WordPiece
from genapp.service import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One sentence, or two."""

    ids: tuple[int, ...]  # [CLS] and [SEP] included
    split: int = 0  # where sentence B begins; 0: there is none
    notice: str = ""

    @property
    def segments(self) -> list[int]:
        """0 for A, 1 for B."""
        first = self.split or len(self.ids)
        return [0] * first + [1] * (len(self.ids) - first)


def pieces_of(loaded: Loaded) -> WordPiece:
    """The checkpoint's vocabulary, read once."""
    if "pieces" not in loaded.memo:
        if "tokenizer.json" not in loaded.files:
            raise UserError("The checkpoint has no tokenizer.json", "fetch or train it again.")
        loaded.memo["pieces"] = wordpiece.load(loaded.files["tokenizer.json"])
    return loaded.memo["pieces"]  # type: ignore[no-any-return]


def two(text: str) -> tuple[str, str]:
    """A text's first line and the rest: sentence A, and sentence B if there is one."""
    first, _, rest = text.strip().partition("\n")
    return first.strip(), " ".join(rest.split())


def read(loaded: Loaded, text: str, second: str = "") -> Reading:
    """``text``, and ``second`` as sentence B unless it is empty.

    What doesn't fit the model's context is left off, with a notice. Raises :class:`UserError` for
    a text without a word.
    """
    pieces = pieces_of(loaded)
    a, b = pieces.encode(text), pieces.encode(second)
    if not a:
        raise UserError("There is no text", "write a sentence.")
    notices = []
    room = loaded.model.config.context - 2 - bool(b)  # type: ignore[union-attr, operator]
    if len(a) + len(b) > room:
        notices.append(f"The text has {len(a) + len(b):,} pieces; the model reads {room:,}.")
        keep = max(room - len(b), (room + 1) // 2) if b else room
        a = a[:keep]
        b = b[: room - len(a)]
    if strange := sum(i == pieces.unknown for i in (*a, *b)):
        notices.append(f"{strange} of its words have letters this model has never seen: [UNK].")
    head = (pieces.cls, *a, pieces.sep)
    ids = (*head, *b, pieces.sep) if b else head
    return Reading(ids=ids, split=len(head) if b else 0, notice=" ".join(notices))


def batch(
    loaded: Loaded, readings: Sequence[Reading], length: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """``ids``, ``segments`` and ``attend`` (B, T), padded to the longest or to ``length``."""
    pad = pieces_of(loaded).pad
    T = max(length, *(len(r.ids) for r in readings))
    ids = torch.full((len(readings), T), pad)
    segments, attend = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for i, reading in enumerate(readings):
        n = len(reading.ids)
        ids[i, :n] = torch.tensor(reading.ids)
        segments[i, :n] = torch.tensor(reading.segments)
        attend[i, :n] = True
    return ids.to(loaded.device), segments.to(loaded.device), attend.to(loaded.device)
