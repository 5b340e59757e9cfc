"""One sentence written three ways: all words in one pass, word by word, word by word from scratch.

Training knows the whole translation and needs one pass under the mask. Writing needs a pass for
each word; a KV cache keeps what the earlier words projected. The weights are the same in all.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genapp.errors import UserError
from genapp.service import Loaded
from genapp.translation import batches
from genapp.translation.generate import END, LONGEST, vocabularies
from genapp.translation.vocab import EOS, SOS

ONE_PASS, CACHED, AFRESH = "one pass", "step by step, KV cache", "step by step, no cache"
LENGTHS = (16, 32, 64, 128)  # pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The same map three times over, and what each took."""

    source: tuple[str, ...]
    pieces: tuple[str, ...]
    weights: Mapping[str, NDArray[np.float32]]  # way → cross weights (T, L, H, S)
    milliseconds: Mapping[str, tuple[float, ...]]  # way → this sentence, then each of LENGTHS

    def difference(self, way: str) -> float:
        """The largest difference of a weight from the one-pass map."""
        return float(np.abs(self.weights[way] - self.weights[ONE_PASS]).max())


@torch.inference_mode()
def three_ways(
    loaded: Loaded, text: str, reference: str, lengths: Sequence[int] = LENGTHS, repeats: int = 3
) -> Pace:
    """Cross-attention maps of a Transformer writing ``reference``, and times, best of ``repeats``.

    The longer times are of the reference over and over. Raises :class:`UserError` for an empty or
    too long side, or a model that is no Transformer.
    """
    if not hasattr(loaded.model, "decode"):
        raise UserError("This model has no KV cache", "choose a Transformer.")
    foreign, english = vocabularies(loaded)
    read, said = foreign.encode(text), english.encode(reference)
    for name, side in (("sentence", read), ("reference", said)):
        if not 0 < len(side) <= LONGEST:
            raise UserError(f"The {name} has {len(side)} pieces", f"give 1 to {LONGEST}.")
    source = batches.sources([read]).to(loaded.device)
    targets = [_prefix(said, n, loaded.device) for n in (len(said) + 1, *lengths)]
    for run in WAYS.values():  # the first call of each prepares memory
        run(loaded.model, source, targets[0])
    times = {
        way: tuple(_milliseconds(run, repeats, loaded.model, source, t) for t in targets)
        for way, run in WAYS.items()
    }
    return Pace(
        source=tuple(foreign.piece(t) for t in [*read, EOS]),
        pieces=(*(english.piece(t) for t in said), END),
        weights={
            way: run(loaded.model, source, targets[0]).float().cpu().numpy()
            for way, run in WAYS.items()
        },
        milliseconds=times,
    )


def _prefix(said: Sequence[int], length: int, device: Any) -> Tensor:
    """SOS and the reference, over and over until there are ``length`` ids: (1, length)."""
    ids = [SOS, *(said[i % len(said)] for i in range(length - 1))]
    return torch.tensor([ids], device=device)


def _milliseconds(run: Callable[..., Tensor], repeats: int, *given: Any) -> float:
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        run(*given).cpu()
        best = min(best, time.perf_counter() - began)
    return 1000 * best


def _one_pass(model: Any, source: Tensor, target: Tensor) -> Tensor:
    """Cross weights (T, L, H, S), as for all ways."""
    cross: list[Tensor] = []
    model.decode(*model.encode(source), target, ([], cross))
    return torch.stack(cross, 1)[0].permute(2, 0, 1, 3)


def _cached(model: Any, source: Tensor, target: Tensor) -> Tensor:
    state, rows = model.start(source), []
    for token in target[0]:
        _, weights, state = model.step(state, token[None])
        rows.append(weights[0])
    return torch.stack(rows)


def _afresh(model: Any, source: Tensor, target: Tensor) -> Tensor:
    memory, real = model.encode(source)  # read once; only the written words are gone over again
    rows = []
    for length in range(1, target.shape[1] + 1):
        cross: list[Tensor] = []
        model.decode(memory, real, target[:, :length], ([], cross))
        rows.append(torch.stack(cross, 1)[0, :, :, -1])
    return torch.stack(rows)


WAYS: Mapping[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    ONE_PASS: _one_pass, CACHED: _cached, AFRESH: _afresh,
}  # fmt: skip
