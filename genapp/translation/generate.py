"""Translating one sentence: a request in, a frame out for each piece that is written.

Serves every architecture that :mod:`genapp.translation.search` can drive.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genapp.errors import UserError
from genapp.service import Loaded
from genapp.translation import batches, scores, search, vocab
from genapp.translation.request import TranslateRequest
from genapp.translation.search import Hypothesis
from genapp.translation.vocab import EOS, Vocabulary

LONGEST = 120  # pieces of a sentence to translate
END = "</s>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A translation so far; the last frame has ``done`` set."""

    text: str
    source: tuple[str, ...]  # pieces as the model read them, ``</s>`` last; "▁" begins a word
    pieces: tuple[str, ...]  # written so far
    weights: NDArray[np.float32]  # (pieces, layers, heads, source pieces); no layer without
    tops: tuple[tuple[tuple[str, float], ...], ...]  # likeliest (piece, p) behind each piece
    beams: tuple[tuple[str, float], ...]  # (text, score) of the best hypotheses
    vector: NDArray[np.float32]  # (C,) the state decoding began from; empty in a Transformer
    notice: str = ""
    bleu: float | None = None  # against the reference, in the last frame
    chrf: float | None = None
    logp: float = 0.0  # nats
    seed: int = 0
    seconds: float = 0.0
    done: bool = False


def generate(loaded: Loaded, request: TranslateRequest) -> Iterator[Frame]:
    """Frames of a translation; with ``align`` one frame per piece of the reference.

    Raises :class:`UserError` for an empty or too long sentence.
    """
    began = time.perf_counter()
    source, target = vocabularies(loaded)
    ids, notice = _read(source, request.text)
    tensor = batches.sources([ids]).to(loaded.device)  # (1, S)
    blank = Frame(
        text="",
        source=tuple(source.piece(i) for i in [*ids, EOS]),
        pieces=(),
        weights=np.zeros((0, 0, 0, len(ids) + 1), np.float32),
        tops=(),
        beams=(),
        vector=_vector(loaded.model, tensor),
        notice=notice,
        seed=request.seed,
    )
    frame = blank
    for best in _steps(loaded, request, target, tensor):
        frame = replace(_shown(blank, best, target), seconds=time.perf_counter() - began)
        yield frame
    measured = scores.of_sentence(frame.text, request.reference) if request.reference else {}
    frame = replace(frame, bleu=measured.get("bleu"), chrf=measured.get("chrf"))
    yield replace(frame, done=True, seconds=time.perf_counter() - began)


def vocabularies(loaded: Loaded) -> tuple[Vocabulary, Vocabulary]:
    """A checkpoint's source and target vocabulary."""
    if "vocab" not in loaded.memo:
        loaded.memo["vocab"] = vocab.load(loaded.files.get("vocab.json", b""))
    return loaded.memo["vocab"]  # type: ignore[no-any-return]


def _read(source: Vocabulary, text: str) -> tuple[list[int], str]:
    """Ids and, in words, what the model has never seen."""
    ids = source.encode(text)
    if not ids:
        raise UserError("There is nothing to translate", "type a sentence.")
    if len(ids) > LONGEST:
        raise UserError(f"The sentence has {len(ids)} pieces", f"keep it to {LONGEST}.")
    unknown = source.unknown(text)
    return ids, f"never seen: {', '.join(unknown[:5])}" if unknown else ""


def _steps(
    loaded: Loaded, request: TranslateRequest, target: Vocabulary, source: torch.Tensor
) -> Iterator[list[Hypothesis]]:
    if not request.align:
        yield from search.write(loaded.model, source, request.beam)
        return
    ids = target.encode(request.reference)
    if not ids:
        raise UserError("There is no reference to align", "type the English sentence.")
    if len(ids) > LONGEST:
        raise UserError(f"The reference has {len(ids)} pieces", f"keep it to {LONGEST}.")
    told = search.forced(loaded.model, source, ids)
    for n in range(1, len(told.tokens) + 1):
        yield [Hypothesis(told.tokens[:n], told.logp, told.rows[:n], told.tops[:n])]


def _shown(blank: Frame, best: list[Hypothesis], target: Vocabulary) -> Frame:
    first = best[0]
    weights = blank.weights
    if first.rows:
        weights = torch.stack(first.rows).float().numpy()  # (T, L, H, S)
    return replace(
        blank,
        text=target.text(first.tokens),
        pieces=tuple(target.piece(t) for t in first.tokens),
        weights=weights,
        tops=tuple(tuple((target.piece(t), p) for t, p in step) for step in first.tops),
        beams=tuple((target.text(h.tokens), h.score) for h in best),
        logp=first.logp,
    )


@torch.inference_mode()
def _vector(model: Any, source: torch.Tensor) -> NDArray[np.float32]:
    """What a recurrent decoder begins from: all a model without attention knows of a sentence."""
    hidden = getattr(model.start(source), "hidden", None)
    return np.zeros(0, np.float32) if hidden is None else hidden[0].float().cpu().numpy()
