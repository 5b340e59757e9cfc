"""Where a token stands: absolute, relative and rotary encodings, and what order means without one.

Shapes: L positions, d width.
"""

import numpy as np

from genapp.errors import UserError
from genapp.mechanics.attention import Array

BASE = 10_000.0


def sinusoidal(L: int, d: int, base: float = BASE) -> Array:
    """sin and cos of pos / base^(2i/d) in turn (Vaswani et al. 2017, §3.5): (L, d)."""
    if d < 2 or d % 2:
        raise UserError(f"Width {d} is odd", "give an even width: sines and cosines come in pairs.")
    angle = np.arange(L)[:, None] / base ** (np.arange(0, d, 2) / d)
    return np.stack([np.sin(angle), np.cos(angle)], -1).reshape(L, d)


def index(L: int, d: int) -> Array:
    """The bare position in every dimension: grows without bound."""
    return np.repeat(np.arange(L, dtype=np.float64)[:, None], d, 1)


def index_over_length(L: int, d: int, length: int) -> Array:
    """Position ÷ length: bounded, but one step means something else at every length."""
    return index(L, d) / length


def learned(L: int, d: int, trained: int, seed: int) -> Array:
    """A table with one free vector per position; rows from ``trained`` on were never updated,
    so they are still their small initial noise."""
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((L, d))
    table[trained:] *= 0.02
    return table


def relative_bias(L: int, slope: float) -> Array:
    """−slope·|i − j| added to the scores (ALiBi's form, Press et al. 2022): (L, L)."""
    at = np.arange(L)
    return -slope * np.abs(at[:, None] - at)


def rotary(x: Array, shift: int = 0, base: float = BASE) -> Array:
    """Pairs of x (L, d) turned by pos / base^(2i/d) (Su et al. 2021): q·k then depends on the
    distance alone."""
    L, d = x.shape
    angle = (np.arange(L)[:, None] + shift) / base ** (np.arange(0, d, 2) / d)
    a, b = x[:, 0::2], x[:, 1::2]
    turned = [a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)]
    return np.stack(turned, -1).reshape(L, d)


def gram(pe: Array) -> Array:
    """PE PEᵀ: how alike two positions look to a dot product."""
    return pe @ pe.T
