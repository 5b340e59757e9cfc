"""Fréchet distance between two clouds of features, each taken as one Gaussian.

The formula of Dowson and Landau (1982). Not comparable with published "FID" figures: those use
another network's features. Nothing here needs torch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Mean (F,) and covariance (F, F) of features, in float64."""

    mean: Array
    cov: Array


def fit(features: NDArray) -> Gaussian:
    """The Gaussian with the mean and covariance of ``features`` (N, F), N ≥ 2."""
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features have shape {features.shape}: give (N, F) with N ≥ 2")
    x = features.astype(np.float64)
    return Gaussian(x.mean(0), np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1]))


def root(cov: Array) -> Array:
    """Symmetric square root of a positive semi-definite matrix; rounding below zero is cut off."""
    values, vectors = np.linalg.eigh(cov)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def distance(a: Gaussian, b: Gaussian) -> float:
    """‖μₐ − μ_b‖² + tr(Cₐ + C_b − 2 (Cₐ^½ C_b Cₐ^½)^½); zero for equal Gaussians, never negative.

    The symmetric product keeps everything real even when a covariance is singular.
    """
    half = root(a.cov)
    cross = np.sqrt(np.linalg.eigvalsh(half @ b.cov @ half).clip(min=0)).sum()
    apart = np.square(a.mean - b.mean).sum()
    return max(0.0, float(apart + np.trace(a.cov) + np.trace(b.cov) - 2 * cross))


def floor(
    features: NDArray, reference: Gaussian, count: int, draws: int = 8, seed: int = 0
) -> float:
    """What ``count`` *real* examples score: the mean distance of random subsets to ``reference``.

    Few samples overestimate the distance, so a wall of 30 pictures must be read against the floor
    for 30. Below twice the number of features it is mostly this bias.
    """
    rng = np.random.default_rng(seed)
    picks = (rng.choice(len(features), count, replace=False) for _ in range(draws))
    return float(np.mean([distance(fit(features[i]), reference) for i in picks]))
