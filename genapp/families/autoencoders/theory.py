"""What a *linear* decoder would do at prior weight b: exact, and a good guide to the real nets.

For x with covariance eigenvalues λ (the PCA variances) and L = Σ(x − x̂)² + b·KL, the best linear
VAE is probabilistic PCA with noise variance σ² = b/2 (Tipping & Bishop 1999; Lucas et al. 2019).
It keeps dimension j exactly when λ_j > b/2: below that the KL costs more than the error saved,
and the dimension collapses onto the prior.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def thresholds(eigenvalues: ArrayLike) -> Array:
    """The b at which each dimension dies: 2λ_j."""
    return 2 * np.asarray(eigenvalues, np.float64)


def alive(eigenvalues: ArrayLike, b: float, z: int) -> NDArray[np.bool_]:
    """Which of the ``z`` dimensions live, largest eigenvalue first: (z,)."""
    return thresholds(eigenvalues)[:z] > b


def kl(eigenvalues: ArrayLike, b: float, z: int) -> Array:
    """KL_j = ½ ln(2λ_j / b) nats where it lives, else 0: (z,). Infinite at b = 0."""
    if not b:
        return np.full(z, np.inf)
    return 0.5 * np.log(np.maximum(thresholds(eigenvalues)[:z] / b, 1.0))


def squared_error(eigenvalues: ArrayLike, b: float, z: int) -> float:
    """Σ over pixels of the error at μ: (b/2)²/λ_j per living dimension, λ_j for every other."""
    values = np.asarray(eigenvalues, np.float64)
    living = np.zeros(len(values), bool)
    living[:z] = alive(values, b, z)
    shrunk = (b / 2) ** 2 / np.where(living, values, 1.0)
    return float(np.where(living, shrunk, values).sum())


def spread(eigenvalues: ArrayLike, b: float, z: int) -> Array:
    """Posterior σ of each dimension: √(b / 2λ_j), 1 where it is dead: (z,)."""
    return np.minimum(np.sqrt(b / thresholds(eigenvalues)[:z]), 1.0)
