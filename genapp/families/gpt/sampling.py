"""From logits to the next token: pure functions on one logits vector (V,).

The order is that of :func:`shape`: penalties → temperature → top-k → top-p → min-p → typical →
renormalise. A filter sets what it drops to −inf. Every filter equals the one of transformers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

OFF = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """How to choose a token; the defaults change nothing, temperature 0 is greedy."""

    temperature: float = 1.0
    top_k: int = 0  # 0 = off
    top_p: float = 1.0  # 1 = off
    min_p: float = 0.0  # 0 = off
    typical_p: float = 1.0  # 1 = off
    repetition: float = 1.0  # 1 = off
    presence: float = 0.0
    frequency: float = 0.0
    no_repeat_ngram: int = 0  # 0 = off
    banned: tuple[tuple[int, ...], ...] = ()  # token sequences that must not appear


def penalise(logits: Tensor, seen: Sequence[int], s: Sampler) -> Tensor:
    """Lowers tokens of ``seen``.

    Repetition divides a positive logit and multiplies a negative one (Keskar et al. 2019);
    presence subtracts once and frequency once per occurrence, as in OpenAI's API.
    """
    if not seen or (s.repetition == 1 and s.presence == 0 and s.frequency == 0):
        return logits
    counts = Counter(seen)
    ids = torch.tensor(list(counts), device=logits.device)
    times = torch.tensor(list(counts.values()), dtype=logits.dtype, device=logits.device)
    old = logits[ids]
    new = torch.where(old < 0, old * s.repetition, old / s.repetition)
    return logits.index_copy(0, ids, new - s.presence - s.frequency * times)


def forbid(logits: Tensor, seen: Sequence[int], s: Sampler) -> Tensor:
    """Drops tokens that would repeat an n-gram of ``seen`` or complete a banned sequence."""
    drop = {b[-1] for b in s.banned if list(b[:-1]) == _tail(seen, len(b) - 1)}
    if (n := s.no_repeat_ngram) and len(seen) >= n:
        tail = _tail(seen, n - 1)
        starts = range(len(seen) - n + 1)
        drop |= {seen[i + n - 1] for i in starts if list(seen[i : i + n - 1]) == tail}
    if not drop or len(drop) >= len(logits):
        return logits
    return logits.index_fill(0, torch.tensor(sorted(drop), device=logits.device), OFF)


def _tail(seen: Sequence[int], n: int) -> list[int]:
    return list(seen[len(seen) - n :]) if n else []


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """The ``k`` most likely (Fan et al. 2018)."""
    if not 0 < k < len(logits):
        return logits
    return logits.masked_fill(logits < logits.topk(k).values[-1], OFF)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """The smallest set whose probabilities sum to ``p`` or more (nucleus, Holtzman et al. 2020)."""
    if p >= 1:
        return logits
    probs = logits.softmax(0)
    # What is less likely than (1 - p) / V sums to less than 1 - p, so the set is among the rest,
    # and sorting a few hundred tokens is forty times faster than sorting fifty thousand.
    likely = (probs >= (1 - p) / len(probs)).nonzero()[:, 0]
    order = likely[probs[likely].argsort(descending=True, stable=True)]
    before = probs[order].cumsum(0) - probs[order]  # mass ranked above each token
    kept = order[: max(1, int((before < p).sum()))]
    return torch.full_like(logits, OFF).index_copy(0, kept, logits[kept])


def keep_min_p(logits: Tensor, p: float) -> Tensor:
    """Those at least ``p`` times as likely as the likeliest (Nguyen et al. 2024)."""
    if p <= 0:
        return logits
    probs = logits.softmax(0)
    return logits.masked_fill(probs < p * probs.max(), OFF)


def keep_typical(logits: Tensor, p: float) -> Tensor:
    """The tokens of mass ``p`` whose surprise is nearest the entropy (Meister et al. 2022)."""
    if p >= 1:
        return logits
    logp = logits.log_softmax(0)
    probs = logp.exp()
    entropy = -(probs * logp).nansum()
    order = (-logp - entropy).abs().argsort()  # least atypical first
    total = probs[order].cumsum(0)
    kept = order[: min(len(order), int((total < p).sum()) + 1)]
    return torch.full_like(logits, OFF).index_copy(0, kept, logits[kept])


def shape(logits: Tensor, seen: Sequence[int], s: Sampler) -> Tensor:
    """Probabilities (V,) that a token is drawn from; one-hot at temperature 0."""
    if s.temperature == 0:
        one_hot = torch.zeros_like(logits)
        one_hot[greedy(logits, seen, s)] = 1
        return one_hot
    logits = forbid(penalise(logits, seen, s), seen, s) / s.temperature
    logits = keep_top_p(keep_top_k(logits, s.top_k), s.top_p)
    return keep_typical(keep_min_p(logits, s.min_p), s.typical_p).softmax(0)


def greedy(logits: Tensor, seen: Sequence[int], s: Sampler) -> int:
    """The likeliest token that penalties and bans leave."""
    return int(forbid(penalise(logits, seen, s), seen, s).argmax())


def choose(
    logits: Tensor, seen: Sequence[int], s: Sampler, generator: torch.Generator
) -> tuple[int, float]:
    """(the next token, the probability it was drawn with)."""
    if s.temperature == 0:
        return greedy(logits, seen, s), 1.0
    probs = shape(logits, seen, s)
    token = draw(probs, generator)
    return token, float(probs[token])


def draw(probs: Tensor, generator: torch.Generator) -> int:
    """One token by ``probs`` (V,); the generator lives on the CPU, as the result must not depend
    on the device."""
    u = torch.rand((), generator=generator, dtype=torch.float64)
    total = probs.double().cumsum(0)
    token = int(torch.searchsorted(total, (u * total[-1].cpu()).to(total.device), right=True))
    return min(token, len(probs) - 1)


def entropy(probs: Tensor) -> float:
    """Nats; ``exp`` of it is the effective vocabulary."""
    return float(torch.special.entr(probs).sum())
