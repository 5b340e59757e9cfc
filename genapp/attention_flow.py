"""What can be read off attention weights: rollout, flow, entropy, reach, thumbnails.

``A`` is (H, Tq, Tk) float with rows that sum to 1; nothing here knows a model.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

How = Literal["mean", "max", "min"]
FLOW_TOKENS = 32  # beyond that the max-flows take seconds
_UNITS = 1 << 20  # capacities are whole numbers: a weight of 1


def quantise(A: np.ndarray) -> np.ndarray:
    """Weights 0…1 as uint8; the error is at most 1/510."""
    x = np.multiply(A, 255, dtype=np.float32)  # one copy: a layer of 512 tokens takes 12 MB
    np.rint(x, out=x)
    return np.clip(x, 0, 255, out=x).astype(np.uint8)


def joined(A: np.ndarray, how: How = "mean", discard: float = 0.0) -> np.ndarray:
    """One matrix (Tq, Tk) of all heads; the smallest weights up to a share ``discard`` go."""
    one: np.ndarray = getattr(A, how)(axis=0)
    if discard > 0:
        one = np.where(one < np.quantile(one, discard), 0, one)
    return one


def rollout(
    layers: Iterable[np.ndarray], how: How = "mean", discard: float = 0.0, residual: bool = True
) -> np.ndarray:
    """R = Π (½A + ½I), rows renormalised: how much of each input token is in each output token.

    Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", §3. Without ``residual``
    the skip connection is left out and one layer gives A itself. People report that on DeiT-Base
    it looks worse than the raw heads: it treats weights as if values and MLPs did nothing.
    """
    R: np.ndarray | None = None
    for A in layers:
        R = roll(R, joined(A, how, discard), residual)
    if R is None:
        raise ValueError("rollout needs one layer or more")
    return R


def roll(R: np.ndarray | None, A: np.ndarray, residual: bool = True) -> np.ndarray:
    """One layer more: ``A`` (T, T) after ``R`` (T, T), or the first one."""
    T = len(A)
    A = A / np.maximum(A.sum(-1, keepdims=True), 1) if not residual else (A + np.eye(T)) / 2
    A = A / A.sum(-1, keepdims=True)
    return A if R is None else A @ R


def weighted(A: np.ndarray, G: np.ndarray) -> np.ndarray:
    """(T, T): mean over heads of (A ⊙ G)₊, rows scaled to sum 1; a row that is zero stays so.

    ``G`` (H, T, T) is the gradient of an answer by the weights ``A``: what is left looks where
    looking raises the answer (Chefer et al. 2021, "Transformer Interpretability Beyond Attention
    Visualization").
    """
    one = np.maximum(A * G, 0).mean(0)
    total = one.sum(-1, keepdims=True)
    return one / np.where(total > 0, total, 1)  # type: ignore[no-any-return]


def flow(layers: list[np.ndarray], how: How = "mean") -> np.ndarray:
    """(T, T): the largest flow from each last-layer token down to each input token.

    Weights ½A + ½I are the capacities of pipes between layers (Abnar & Zuidema 2020, §3); no
    gradient is needed. Rows are scaled to sum 1. Raises ``ValueError`` beyond 32 tokens.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    T, L = len(layers[0][0]), len(layers)
    if T > FLOW_TOKENS:
        raise ValueError(f"{T} tokens: flow is computed for {FLOW_TOKENS} or fewer")
    pipes = np.zeros(((L + 1) * T, (L + 1) * T), np.int32)
    for at, A in enumerate(layers):  # from a token above to those it read below
        above, below = (at + 1) * T, at * T
        pipe = roll(None, joined(A, how))
        pipes[above : above + T, below : below + T] = np.rint(_UNITS * pipe)
    graph = csr_array(pipes)
    F = np.array(
        [[maximum_flow(graph, L * T + q, k).flow_value for k in range(T)] for q in range(T)], float
    )
    return F / F.sum(-1, keepdims=True)


def entropy(A: np.ndarray) -> np.ndarray:
    """(H,) nats, mean over queries: 0 looks at one token, ln Tk at all alike."""
    return -(A * np.log(np.maximum(A, 1e-12))).sum(-1).mean(-1)


def distances(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """(Tq, Tk) Euclidean distance of places (Tq, 2) and (Tk, 2), in tokens or patches."""
    return np.linalg.norm(queries[:, None] - keys[None], axis=-1)


def reach(A: np.ndarray, D: np.ndarray) -> np.ndarray:
    """(H,) mean distance looked over, in the units of ``D`` (Tq, Tk); NaN places don't count."""
    known = ~np.isnan(D)
    weights = A * known
    total = np.maximum(weights.sum((-2, -1)), 1e-12)
    return (weights * np.where(known, D, 0)).sum((-2, -1)) / total


def distance_shares(A: np.ndarray, D: np.ndarray, edges: list[float]) -> np.ndarray:
    """(H, len(edges)): share of weight at distances in [edges[i], edges[i + 1]), the last open."""
    bins = np.digitize(np.where(np.isnan(D), -1, D), edges) - 1
    kept = np.stack([(A * (bins == i)).sum((-2, -1)) for i in range(len(edges))], -1)
    return kept / np.maximum(kept.sum(-1, keepdims=True), 1e-12)


def share_to(A: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(H,) mean share of a row that goes to the keys marked in ``chosen`` (Tk,)."""
    return A[..., chosen].sum(-1).mean(-1)


def shrink(A: np.ndarray, most: int) -> np.ndarray:
    """(H, ≤ most, ≤ most): each cell the largest weight of its block."""
    for axis in (-2, -1):
        T = A.shape[axis]
        if most < T:
            A = np.maximum.reduceat(A, np.arange(most) * T // most, axis=axis)
    return A


class Chain:
    """Rollout of a pass, layer by layer, remembering how far it came."""

    def __init__(self, layer: Callable[[int], np.ndarray], how: How, discard: float) -> None:
        self._layer, self._how, self._discard = layer, how, discard
        self._made: list[np.ndarray] = []

    def through(self, layer: int) -> np.ndarray:
        """R (T, T) float32 of layers 0…``layer``."""
        while len(self._made) <= layer:
            A = joined(self._layer(len(self._made)), self._how, self._discard)
            R = roll(self._made[-1] if self._made else None, A)
            self._made.append(R.astype(np.float32))
        return self._made[layer]
