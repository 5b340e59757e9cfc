"""What a layer costs (Vaswani et al. 2017, table 1), and what it takes on this machine."""

import math
import time
from dataclasses import dataclass

import numpy as np

from genapp.errors import UserError
from genapp.mechanics.attention import self_attention_loop

LONGEST, WIDEST = 2048, 512  # of a measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One layer over n tokens of width d."""

    operations: int  # multiplications
    sequential: int  # steps that must wait for each other
    path: float  # layers or steps between the two farthest tokens


def self_attention(n: int, d: int) -> Cost:
    """Scores between all pairs: n²d."""
    return Cost(operations=n * n * d, sequential=1, path=1)


def recurrent(n: int, d: int) -> Cost:
    """One d × d product per token, each waiting for the one before: nd²."""
    return Cost(operations=n * d * d, sequential=n, path=n)


def convolutional(n: int, d: int, k: int) -> Cost:
    """Kernels of k tokens, dilated: knd² and log_k n layers to see everything."""
    return Cost(operations=k * n * d * d, sequential=1, path=max(1, math.log(n, k)))


def restricted(n: int, d: int, r: int) -> Cost:
    """Attention to a neighbourhood of r tokens: rnd."""
    return Cost(operations=min(r, n) * n * d, sequential=1, path=max(1, n / r))


def projections(n: int, d: int) -> int:
    """Multiplications of the three maps to queries, keys and values: 3nd²."""
    return 3 * n * d * d


def map_bytes(n: int, bytes_per_weight: int = 2) -> int:
    """One n × n attention map; 2 bytes a weight in fp16."""
    return n * n * bytes_per_weight


def tokens(height: int, width: int, patch: int = 1) -> int:
    """Patches of a picture; a rest at the border counts as a patch of its own."""
    return math.ceil(height / patch) * math.ceil(width / patch)


def measure(lengths: list[int], d: int, repeats: int = 3) -> dict[str, list[float]]:
    """Milliseconds of one GRU layer and one self-attention layer on this machine's CPU.

    Batch 1, width ``d``, inference, best of ``repeats``. Raises :class:`UserError` for lengths
    beyond 2,048 or widths beyond 512.
    """
    known = all(isinstance(n, int) and 1 <= n <= LONGEST for n in lengths)
    if not known or not 1 <= len(lengths) <= 8:
        raise UserError(
            f"The lengths {lengths} can't be measured",
            f"give one to eight lengths between 1 and {LONGEST:,}.",
        )
    if not isinstance(d, int) or not 8 <= d <= WIDEST:
        raise UserError(f"Width {d} can't be measured", f"give 8 to {WIDEST}.")
    import torch
    from torch import nn
    from torch.nn.functional import scaled_dot_product_attention

    gru = nn.GRU(d, d, batch_first=True).eval()
    qkv, out = nn.Linear(d, 3 * d).eval(), nn.Linear(d, d).eval()

    def attention(x: torch.Tensor) -> torch.Tensor:
        return out(scaled_dot_product_attention(*qkv(x).chunk(3, -1)))

    times: dict[str, list[float]] = {"gru": [], "attention": []}
    with torch.inference_mode():
        for n in lengths:
            x = torch.zeros(1, n, d)
            times["gru"].append(_best(lambda x=x: gru(x), repeats))
            times["attention"].append(_best(lambda x=x: attention(x), repeats))
    return times


def measure_loop(T: int, d: int) -> dict[str, float]:
    """Milliseconds for ω = X Xᵀ pair by pair, and as one matrix product."""
    if not (1 <= T <= 64 and 1 <= d <= 64):
        raise UserError(f"{T} × {d} can't be measured", "give 1 to 64 tokens of width 1 to 64.")
    X = np.random.default_rng(0).standard_normal((T, d))
    return {
        "loop": _best(lambda: self_attention_loop(X), 5),
        "matmul": _best(lambda: X @ X.T, 50),
    }


def _best(work: object, repeats: int) -> float:
    times = []
    work()  # type: ignore[operator]  # warm-up
    for _ in range(repeats):
        start = time.perf_counter()
        work()  # type: ignore[operator]
        times.append(1000 * (time.perf_counter() - start))
    return min(times)
