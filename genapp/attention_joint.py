"""Queries and keys of one head in a common plane (AttentionViz, Yeh et al. 2023).

A softmax doesn't see a constant added to every key, nor queries and keys scaled against each
other. Both freedoms are used to bring the two clouds together before the plane is chosen; the
weights stay what they are.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Places of the queries (Tq, 2) and keys (Tk, 2), and the share of their variance it shows."""

    queries: np.ndarray
    keys: np.ndarray
    share: float


def brought_together(q: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Queries (Tq, D) and keys (Tk, D) around one centre with one spread, attending as before."""
    k = k - k.mean(0)
    spread_q, spread_k = np.linalg.norm(q - q.mean(0)), np.linalg.norm(k)
    c = np.sqrt(spread_k * np.sqrt(len(q)) / max(spread_q * np.sqrt(len(k)), 1e-12))
    c = c if c > 0 else 1.0
    return q * c, k / c + (q * c).mean(0)


def plane(q: np.ndarray, k: np.ndarray) -> Plane:
    """The two principal axes of queries and keys together."""
    q, k = brought_together(q.astype(np.float64), k.astype(np.float64))
    both = np.concatenate([q, k])
    both -= both.mean(0)
    u, s, _ = np.linalg.svd(both, full_matrices=False)
    at = np.zeros((len(both), 2))
    kept = min(2, len(s))
    at[:, :kept] = u[:, :kept] * s[:kept]
    share = float((s[:2] ** 2).sum() / max((s**2).sum(), 1e-12))
    return Plane(queries=at[: len(q)], keys=at[len(q) :], share=share)


def strongest(A: np.ndarray, count: int) -> np.ndarray:
    """(n, 3): query, key and weight of the largest weights of A (Tq, Tk), largest first."""
    flat = np.argsort(A, axis=None, kind="stable")[::-1][:count]
    q, k = np.unravel_index(flat, A.shape)
    return np.stack([q, k, A[q, k]], 1).astype(np.float32)
