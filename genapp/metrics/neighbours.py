"""Distances between pictures: is a sample a copy, and do samples differ from one another?"""

import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genapp.data import mnist, source
from genapp.errors import UserError


def flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (N, H, W) → float32 (N, H·W) in 0…1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def nearest(
    images: NDArray[np.uint8], pool: NDArray[np.uint8], k: int = 3, order: int = 2
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Distances (N, k) and indices (N, k) of the ``k`` closest pictures of ``pool`` by L1 or L2.

    Pixels count in 0…1. The pool is walked in blocks of 4,096, about 13 MB each.
    """
    x = flat(images)
    best = np.full((len(x), k), np.inf, np.float32)
    where = np.zeros((len(x), k), np.int64)
    for start in range(0, len(pool), 4096):
        y = flat(pool[start : start + 4096])
        apart = _distances(x, y, order)  # (N, block)
        both = np.concatenate([best, apart], axis=1)
        index = np.concatenate([where, np.broadcast_to(np.arange(len(y)) + start, apart.shape)], 1)
        pick = np.argsort(both, axis=1, kind="stable")[:, :k]
        best, where = np.take_along_axis(both, pick, 1), np.take_along_axis(index, pick, 1)
    return best, where


def _distances(x: NDArray[np.float32], y: NDArray[np.float32], order: int) -> NDArray[np.float32]:
    """(N, P) and (M, P) → (N, M)."""
    if order == 1:
        return np.stack([np.abs(y - row).sum(1) for row in x])
    if order != 2:
        raise ValueError(f"order is {order}: choose 1 or 2")
    square = np.square(x).sum(1)[:, None] + np.square(y).sum(1) - 2 * x @ y.T
    return np.sqrt(square.clip(min=0))


def pair_distance(images: NDArray[np.uint8]) -> float:
    """Mean L2 distance over all pairs of ``images``; 0 for fewer than two."""
    x = flat(images)
    if len(x) < 2:
        return 0.0
    return float(_distances(x, x, 2).sum() / (len(x) * (len(x) - 1)))


def training_digits() -> NDArray[np.uint8] | None:
    """MNIST's 60,000 training images if they are on this machine (nothing is downloaded)."""
    path = source.find(mnist.MNIST.path)
    return None if path is None else _training_digits(path)


@functools.cache
def _training_digits(path: Path) -> NDArray[np.uint8] | None:
    try:
        return mnist.load("train").images
    except UserError:
        return None
