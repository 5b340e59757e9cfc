"""Filling gaps and judging pairs: what the page, the HTTP API and the tests share."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from genapp.families.bert import reading
from genapp.families.bert.corrupt import MASKED, Corruption, corrupt
from genapp.families.bert.model import Bert
from genapp.families.bert.reading import Reading
from genapp.families.bert.spec import FillRequest
from genapp.service import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One [MASK]: its place among the tokens, what stood there if known, and the guesses."""

    place: int
    truth: str
    guesses: tuple[tuple[str, float], ...]  # (piece, probability), likeliest first
    p_truth: float  # 0 where nothing is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A text with gaps and what the model would put there."""

    tokens: tuple[str, ...]
    kinds: tuple[str, ...]
    split: int  # where sentence B begins; 0: there is none
    gaps: tuple[Gap, ...]
    p_next: float | None  # that B follows A; None without B
    seed: int
    seconds: float
    notice: str


def generate(loaded: Loaded, request: FillRequest) -> Iterator[Filled]:
    """One frame. Where no [MASK] is written, a share ``request.hide`` of the words is hidden.

    Raises :class:`UserError` for an empty text.
    """
    seed = request.seed if request.seed >= 0 else random.randrange(2**31)
    told = reading.read(loaded, request.text, request.second)
    pieces = reading.pieces_of(loaded)
    places = [i for i, t in enumerate(told.ids) if t == pieces.mask]
    if not places:
        ids = np.array([told.ids])
        words = ~np.isin(ids, np.array([pieces.pad, pieces.cls, pieces.sep]))
        how = Corruption(rate=request.hide, masked=1.0, random=0.0)
        _, fate = corrupt(
            ids, words, how, pieces.mask, pieces.ordinary, np.random.default_rng(seed)
        )
        places = np.flatnonzero(fate[0] == MASKED).tolist()
    yield fill(loaded, told, places, request.top, seed)


@torch.inference_mode()
def fill(
    loaded: Loaded, told: Reading, places: Sequence[int], top: int = 10, seed: int = 0
) -> Filled:
    """Hides the tokens at ``places`` and lets the model guess each."""
    began = time.perf_counter()
    model: Bert = loaded.model  # type: ignore[assignment]
    pieces = reading.pieces_of(loaded)
    ids, segments, attend = reading.batch(loaded, [told])
    at = torch.tensor(list(places), dtype=torch.long, device=ids.device)
    ids[0, at] = pieces.mask
    said = model(ids, segments, attend, at)
    chances = said.words.float().softmax(-1)  # (N, V)
    best = chances.topk(min(top, chances.shape[-1]), dim=-1)
    gaps = []
    for row, place in enumerate(places):
        stood = told.ids[place]
        known = stood != pieces.mask
        guesses = zip(best.indices[row].tolist(), best.values[row].tolist(), strict=True)
        gaps.append(
            Gap(
                place=place,
                truth=pieces.name(stood) if known else "",
                guesses=tuple((pieces.name(i), p) for i, p in guesses),
                p_truth=float(chances[row, stood]) if known else 0.0,
            )
        )
    p_next = float(said.next.float().softmax(-1)[0, 0]) if told.split else None
    return Filled(
        tokens=tuple(pieces.name(i) for i in told.ids),
        kinds=tuple(pieces.kind(i) for i in told.ids),
        split=told.split,
        gaps=tuple(gaps),
        p_next=p_next,
        seed=seed,
        seconds=time.perf_counter() - began,
        notice=told.notice,
    )


@torch.inference_mode()
def follows(loaded: Loaded, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """P(B follows A) of each pair."""
    readings = [reading.read(loaded, a, b) for a, b in pairs]
    said = loaded.model(*reading.batch(loaded, readings))
    return said.next.float().softmax(-1)[:, 0].tolist()  # type: ignore[no-any-return]
