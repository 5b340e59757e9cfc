"""What is remembered of the source is a set: its order makes no difference to attention.

So the memory may as well be a grid, such as the cells of a convolutional net's features when a
photo is captioned (Xu et al. 2015).
"""

from dataclasses import dataclass

import torch

from genapp.service import Loaded
from genapp.translation import batches
from genapp.translation.generate import vocabularies
from genapp.translation.vocab import SOS


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffled:
    """The step that writes one piece, from the memory as it was read and from a shuffled one."""

    order: tuple[int, ...]  # place of each shuffled key in the source
    weights: tuple[float, ...]  # (S,) over the shuffled memory, mean over layers and heads
    tops: tuple[tuple[str, float], ...]  # likeliest (piece, p)
    difference: float  # largest between the two steps' probabilities


@torch.inference_mode()
def shuffled(loaded: Loaded, text: str, reference: str, at: int, seed: int) -> Shuffled:
    """Writes piece ``at`` of ``reference`` twice."""
    foreign, english = vocabularies(loaded)
    source = batches.sources([foreign.encode(text)]).to(loaded.device)  # (1, S)
    read = [SOS, *english.encode(reference)][: at + 1]
    order = torch.randperm(source.shape[1], generator=torch.Generator().manual_seed(seed))
    order = order.to(loaded.device)
    found = []
    for mixed in (False, True):
        state = loaded.model.start(source)  # type: ignore[operator]
        state = state.shuffled(order) if mixed else state
        for token in read:
            logits, weights, state = loaded.model.step(  # type: ignore[operator]
                state, torch.tensor([token], device=loaded.device)
            )
        found.append(logits[0].float().softmax(0))
    best = found[1].topk(5)
    return Shuffled(
        order=tuple(order.tolist()),
        weights=tuple(weights[0].mean((0, 1)).tolist()),
        tops=tuple(
            (english.piece(t), p)
            for t, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ),
        difference=float((found[0] - found[1]).abs().max()),
    )
