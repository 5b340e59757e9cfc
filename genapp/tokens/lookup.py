"""The embedding layer: a table one looks things up in, and the matrix product it stands for."""

import numpy as np


def look_up(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """ids (B, T) → vectors (B, T, D): T rows are copied, nothing is multiplied."""
    return table[ids]


def one_hot(ids: np.ndarray, V: int) -> np.ndarray:
    """ids (B, T) → (B, T, V): a one in the column of each id."""
    return np.eye(V, dtype=np.float32)[ids]


def as_product(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The same vectors (B, T, D) by a linear layer without bias: one-hot rows times the table."""
    return one_hot(ids, len(table)) @ table


def gradient(ids: np.ndarray, upstream: np.ndarray, V: int) -> np.ndarray:
    """(V, D): ``upstream`` (B, T, D) summed into the rows that were read; all others stay 0."""
    summed = np.zeros((V, upstream.shape[-1]), upstream.dtype)
    np.add.at(summed, ids, upstream)
    return summed
