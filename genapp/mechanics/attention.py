"""Attention as matrices (Vaswani et al. 2017, §3.2), its scoring functions and its kinds.

Shapes: T queries, S keys, d width of a token, d_k width of queries and keys, d_v width of values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def softmax(x: Array, temperature: float = 1.0) -> Array:
    """exp(x/T) over the last axis, divided by its sum. −∞ gets 0; a row of only −∞ gets NaN."""
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}: give more than 0")
    z = np.asarray(x, np.float64) / temperature
    with np.errstate(invalid="ignore", divide="ignore"):
        e = np.exp(z - z.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)


def normalise(x: Array) -> Array:
    """Each row divided by its sum: what is often taken for a softmax."""
    return x / x.sum(-1, keepdims=True)


def entropy(p: Array) -> Array:
    """−Σ p ln p over the last axis, in nats."""
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Every step between tokens and context vectors."""

    Q: Array  # (T, d_k)
    K: Array  # (S, d_k)
    V: Array  # (S, d_v)
    scores: Array  # (T, S)
    scaled: Array  # (T, S)
    masked: Array  # (T, S), −∞ where the mask is shut
    weights: Array  # (T, S), rows sum to 1
    output: Array  # (T, d_v)


def scaled_dot_product_attention(
    Q: Array, K: Array, V: Array, mask: Mask | None = None, divisor: float | None = None
) -> Chain:
    """softmax(Q Kᵀ / √d_k) V with every step kept; ``divisor`` replaces √d_k.

    ``mask`` (T, S) is true where a query may look. A query that may look nowhere gets NaN.
    """
    scores = Q @ K.T
    scaled = scores / (np.sqrt(Q.shape[1]) if divisor is None else divisor)
    masked = scaled if mask is None else np.where(mask, scaled, -np.inf)
    weights = softmax(masked)
    return Chain(
        Q=Q, K=K, V=V, scores=scores, scaled=scaled, masked=masked, weights=weights,
        output=weights @ V,
    )  # fmt: skip


def attend(
    X: Array,
    projections: tuple[Array, Array, Array],
    mask: Mask | None = None,
    divisor: float | None = None,
    memory: Array | None = None,
) -> Chain:
    """Attention of ``X`` (T, d) over ``memory`` (S, d), or over itself.

    ``projections`` are W_q (d, d_k), W_k (d, d_k), W_v (d, d_v). Cross-attention takes keys *and*
    values from the memory.
    """
    Wq, Wk, Wv = projections
    M = X if memory is None else memory
    return scaled_dot_product_attention(X @ Wq, M @ Wk, M @ Wv, mask, divisor)


def self_attention(X: Array) -> tuple[Array, Array, Array]:
    """Without any parameter: ω = X Xᵀ, a = softmax(ω), Z = a X."""
    omega = X @ X.T
    a = softmax(omega)
    return omega, a, a @ X


def self_attention_loop(X: Array) -> Array:
    """ω of :func:`self_attention`, one pair at a time: the slow way to the same numbers."""
    T = len(X)
    omega = np.empty((T, T))
    for i in range(T):
        for j in range(T):
            omega[i, j] = sum(a * b for a, b in zip(X[i], X[j], strict=True))
    return omega


# ---- masks ---------------------------------------------------------------------------------


def causal_mask(T: int) -> Mask:
    """True on and below the diagonal: a token sees itself and what came before."""
    return np.tri(T, dtype=bool)


def padding_mask(T: int, pads: int) -> Mask:
    """The last ``pads`` keys are shut for every query."""
    return np.broadcast_to(np.arange(T) < T - pads, (T, T)).copy()


def mask_after_softmax(scaled: Array, mask: Mask) -> Array:
    """The mistake: weights zeroed *after* the softmax no longer sum to 1, and the hidden
    tokens have already taken part in the denominator."""
    return np.where(mask, softmax(scaled), 0.0)


# ---- scoring functions (Luong et al. 2015, Bahdanau et al. 2015) ------------------------------


def dot(h: Array, q: Array) -> Array:
    """hᵀq for keys h (S, d) and a query q (d,). No parameters; equal widths only."""
    return h @ q


def exponential(h: Array, q: Array, mu: float = 1.0) -> Array:
    """μ·exp(hᵀq): already positive, so it is divided by its sum, not put through a softmax."""
    return mu * np.exp(h @ q)


def bilinear(h: Array, q: Array, W: Array) -> Array:
    """hᵀ W q, with W (d_h, d_q)."""
    return h @ W @ q


def additive(h: Array, q: Array, U: Array, V: Array, w: Array) -> Array:
    """wᵀ tanh(U h + V q), with U (a, d_h), V (a, d_q), w (a,)."""
    return np.tanh(h @ U.T + V @ q) @ w


def scaled_dot(h: Array, q: Array, Wk: Array, Wq: Array) -> Array:
    """(W_k h)ᵀ(W_q q) / √d, with W_k (d, d_h), W_q (d, d_q)."""
    return (h @ Wk.T) @ (Wq @ q) / np.sqrt(len(Wq))


def query_free(h: Array, w: Array, b: float) -> Array:
    """tanh(w·h + b): every key is scored without looking at a query."""
    return np.tanh(h @ w + b)


def scoring_parameters(d: int, a: int) -> dict[str, int]:
    """Weights of each function for vectors of width ``d`` and a hidden width ``a``."""
    return {
        "dot": 0,
        "exponential": 1,
        "bilinear": d * d,
        "additive": 2 * a * d + a,
        "scaled_dot": 2 * d * d,
        "query_free": d + 1,
    }


# ---- why 1/√d ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """How peaked softmax is over random scores, means over many queries."""

    std: float  # of the scores, before the divisor
    entropy: float  # nats
    largest: float  # weight
    gradient: float  # Frobenius norm of the softmax Jacobian diag(a) − a aᵀ


def sharpness(d: int, keys: int, divisor: float, queries: int, seed: int) -> Sharpness:
    """q, k ~ N(0, 1): their dot product has standard deviation √d."""
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((queries, d))
    scores = np.stack([q_i @ rng.standard_normal((d, keys)) for q_i in q])
    a = softmax(scores / divisor)
    return Sharpness(
        std=float(scores.std()),
        entropy=float(entropy(a).mean()),
        largest=float(a.max(-1).mean()),
        gradient=float(softmax_gradient(a).mean()),
    )


def softmax_gradient(a: Array) -> Array:
    """‖diag(a) − a aᵀ‖ over the last axis: 0 when one weight is 1, the gradient has vanished."""
    two = (a**2).sum(-1)
    return np.sqrt(np.maximum(two - 2 * (a**3).sum(-1) + two**2, 0))


# ---- soft and hard (Xu et al. 2015) --------------------------------------------------------------


def hard_weights(a: Array, samples: int, seed: int) -> Array:
    """Share of ``samples`` glimpses that fell on each key; tends to ``a``."""
    return np.random.default_rng(seed).multinomial(samples, a) / samples


def soft_gradient(a: Array, reward: Array) -> Array:
    """∂ Σ a r / ∂ scores = a (r − Σ a r)."""
    return a * (reward - a @ reward)


def reinforce_variance(a: Array, reward: Array) -> float:
    """Trace of the covariance of the one-sample estimate r_s (1_s − a), s ~ a (Williams 1992)."""
    estimates = reward[:, None] * (np.eye(len(a)) - a)  # (S, S), one row per outcome
    mean = a @ estimates
    return float(a @ ((estimates - mean) ** 2).sum(-1))


# ---- several heads ------------------------------------------------------------


def split_heads(X: Array, heads: int) -> Array:
    """(T, d) → (h, T, d/h)."""
    T, d = X.shape
    if d % heads:
        raise ValueError(f"width {d} does not divide into {heads} heads")
    return X.reshape(T, heads, d // heads).transpose(1, 0, 2)


def multi_head_attention(
    X: Array,
    projections: tuple[Array, Array, Array, Array],
    heads: int,
    keep: Mask | None = None,
    mask: Mask | None = None,
) -> tuple[Array, Array]:
    """Concat(head₁ … head_h) W_O, and all weights (h, T, T).

    W_q, W_k, W_v are (d, d) and cut into ``heads`` column blocks; a head whose ``keep`` is false
    is zeroed before W_O.
    """
    Wq, Wk, Wv, Wo = projections
    q, k, v = (split_heads(X @ W, heads) for W in (Wq, Wk, Wv))
    chains = [scaled_dot_product_attention(*head, mask=mask) for head in zip(q, k, v, strict=True)]
    kept = np.ones(heads) if keep is None else keep
    concat = np.concatenate([c.output * on for c, on in zip(chains, kept, strict=True)], axis=1)
    return concat @ Wo, np.stack([c.weights for c in chains])
