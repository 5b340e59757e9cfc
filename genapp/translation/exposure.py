"""Error accumulation: a model that reads its own words against one that reads the true ones.

Trained with teacher forcing, a translator has never read a mistake of its own (exposure bias;
Bengio et al. 2015, Ranzato et al. 2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from genapp.service import Loaded
from genapp.translation import batches, search
from genapp.translation.generate import vocabularies

LONGEST = 16  # pieces; beyond it too few held-out pairs are left to count


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Share of right pieces at place 1, 2, … of the reference, 0 to 1, and how many counted."""

    forced: tuple[float, ...]
    free: tuple[float, ...]
    counted: tuple[int, ...]


@torch.inference_mode()
def accumulation(
    loaded: Loaded, pairs: Sequence[tuple[str, str]], longest: int = LONGEST
) -> Exposure:
    """Accuracy at each place with the true words before it, and with the model's own.

    A free-running word is right if the same place of the reference holds it: a good translation in
    other words counts as wrong, to both.
    """
    foreign, english = vocabularies(loaded)
    coded = [(foreign.encode(s), english.encode(t)) for s, t in pairs]
    made = {name: t.to(loaded.device) for name, t in batches.tensors(coded).items()}
    forced, _ = search.taught(loaded.model, made["source"], made["read"])  # (B, T)
    free = search.greedy(loaded.model, made["source"])
    told: dict[str, list[float]] = {"forced": [], "free": []}
    counted = []
    for i in range(longest):
        rows = [b for b, (_, wanted) in enumerate(coded) if i < len(wanted)]
        if not rows:
            break
        wanted = [coded[b][1][i] for b in rows]
        said: Mapping[str, list[int | None]] = {
            "forced": [int(forced[b, i]) for b in rows],
            "free": [free[b][i] if i < len(free[b]) else None for b in rows],
        }
        for name, words in said.items():
            right = sum(w == t for w, t in zip(words, wanted, strict=True))
            told[name].append(right / len(rows))
        counted.append(len(rows))
    return Exposure(
        forced=tuple(told["forced"]), free=tuple(told["free"]), counted=tuple(counted)
    )  # fmt: skip
