"""What a translator's attention maps have in common: both sentences as tokens that can be hidden
or swapped, whatever the architecture.

Places count the source pieces with their end mark, then ``<s>`` and the translation's pieces.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genapp.attention import Changes, Readout, Side, changes
from genapp.errors import UserError
from genapp.service import Loaded
from genapp.translation import batches, search
from genapp.translation.generate import LONGEST, vocabularies
from genapp.translation.vocab import EOS, SOS, SPACE, Vocabulary

SEPARATOR = "\n"  # between a sentence and the translation to be read with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Both sides of one teacher-forced pass."""

    source: list[int]  # EOS last
    target: list[int]  # SOS first
    origins: tuple[list[int], list[int]]  # of each source and target token
    made: Changes
    loaded: Loaded
    notice: str

    @property
    def hidden(self) -> tuple[Tensor, Tensor]:
        """Which source (S,) and target (T,) tokens are hidden."""
        marks = [[at in self.made.hide for at in side] for side in self.origins]
        return torch.tensor(marks[0]), torch.tensor(marks[1])

    @property
    def read(self) -> Side:
        """The source sentence."""
        return _side(vocabularies(self.loaded)[0], self.source)

    @property
    def so_far(self) -> Side:
        """The translation as the decoder reads it, from ``<s>``."""
        return _side(vocabularies(self.loaded)[1], self.target)

    @property
    def written(self) -> Side:
        """The translation as the decoder writes it, up to ``</s>``: one step ahead."""
        return _side(vocabularies(self.loaded)[1], [*self.target[1:], EOS])

    @property
    def written_origins(self) -> tuple[int, ...]:
        """Places of the written tokens; the end mark comes after all others."""
        own = self.origins[1]
        return (*own[1:], own[-1] + 1)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Ids (1, S) and (1, T) on the model's device."""
        ids = [
            torch.tensor([side], device=self.loaded.device) for side in (self.source, self.target)
        ]
        return ids[0], ids[1]

    def readout(self, logp: Tensor, ask: str) -> Readout:
        """``logp`` (depths, T, V) as the viewer's panel reads it."""
        rows: np.ndarray = logp.float().cpu().numpy()
        name = partial(_word, vocabularies(self.loaded)[1])
        return Readout(logp=lambda query: rows[:, query], name=name, ask=ask)


def passed(loaded: Loaded, text: str, options: Mapping[str, Any], maps: int) -> Pass:
    """Reads ``text``: a sentence, and below it, if there is a second line, its translation.

    Without one the untouched model translates first, so that every change is seen on the same
    words. ``maps`` attentions of the model's layers and heads can be silenced. Raises
    :class:`UserError` for an empty or too long sentence.
    """
    foreign, english = vocabularies(loaded)
    first, _, second = text.strip().partition(SEPARATOR)
    source = _ids(foreign, first, "sentence")
    if second.strip():
        target, notice = _ids(english, second, "translation"), ""
    else:
        target, notice = _translated(loaded, source), "The translation is the model's own."
    config = loaded.model.config  # type: ignore[union-attr]
    layers, heads = getattr(config, "layers", 1), getattr(config, "heads", 1)
    S = len(source) + 1
    made = changes(options, S + 1 + len(target) + 1, maps * layers, heads)  # type: ignore[operator]
    new, where = _swapped(foreign, source, made.swap, 0)
    written, places = _swapped(english, target, made.swap, S + 1)
    if max(len(new), len(written)) > LONGEST:
        raise UserError("With this swap the sentence is too long", "swap in fewer letters.")
    return Pass(
        source=[*new, EOS],
        target=[SOS, *written],
        origins=([*where, len(source)], [S, *places]),
        made=made,
        loaded=loaded,
        notice=notice,
    )


def _ids(vocabulary: Vocabulary, text: str, what: str) -> list[int]:
    ids = vocabulary.encode(text)
    if not ids:
        raise UserError(
            f"The {what} is empty", "type a sentence; its translation may follow below."
        )
    if len(ids) > LONGEST:
        raise UserError(f"The {what} has {len(ids)} pieces", f"keep it to {LONGEST}.")
    return ids


def _translated(loaded: Loaded, source: list[int]) -> list[int]:
    """The model's own translation, remembered for the sentence last read."""
    known: dict[tuple[int, ...], list[int]] = loaded.memo.setdefault("translated", {})  # type: ignore[assignment]
    key = tuple(source)
    if key not in known:
        ids = batches.sources([source]).to(loaded.device)
        (written,) = search.greedy(loaded.model, ids)
        known.clear()
        known[key] = written
    return known.get(key) or _translated(loaded, source)


def _swapped(
    vocabulary: Vocabulary, ids: list[int], swap: Mapping[int, str], start: int
) -> tuple[list[int], list[int]]:
    """Ids with other words in some places, and the place each came from, counted from ``start``."""
    new: list[int] = []
    origins: list[int] = []
    for at, token in enumerate(ids, start):
        words = [token] if at not in swap else vocabulary.encode(swap[at])
        if not words:
            raise UserError(f"The model can't read {swap[at]!r}", "swap in a word.")
        new += words
        origins += [at] * len(words)
    return new, origins


def _side(vocabulary: Vocabulary, ids: list[int]) -> Side:
    return Side(
        tokens=tuple(_word(vocabulary, i) for i in ids),
        kinds=tuple("special" if i in {SOS, EOS} else "word" for i in ids),
    )


def _word(vocabulary: Vocabulary, token: int) -> str:
    """A piece as the viewer shows tokens: a blank in front of what begins a word."""
    return vocabulary.piece(token).replace(SPACE, " ")
