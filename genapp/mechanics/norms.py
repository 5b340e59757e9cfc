"""The norm zoo on one cube (N sequences, L positions, C features): which cells share a mean.

Batch (Ioffe & Szegedy 2015), layer (Ba et al. 2016), instance (Ulyanov et al. 2016), group (Wu &
He 2018), RMS (Zhang & Sennrich 2019), pixel (Karras et al. 2018).
"""

import numpy as np
from numpy.typing import NDArray

from genapp.mechanics.attention import Array

KINDS = ("batch", "layer", "instance", "group", "rms", "pixel")
_AXES = {"batch": (0, 1), "layer": (2,), "instance": (1,), "rms": (2,), "pixel": (2,)}


def normalise(x: Array, kind: str, eps: float = 1e-5, groups: int = 2) -> Array:
    """x (N, L, C) with mean 0 and variance 1 over the cells that ``kind`` averages.

    RMS and pixel norm subtract nothing. The divisor is √(σ² + ε).
    """
    if kind == "group":
        N, L, C = x.shape
        split = x.reshape(N, L, groups, C // groups)
        return _standard(split, (1, 3), eps).reshape(N, L, C)
    if kind in ("rms", "pixel"):
        return x / np.sqrt((x**2).mean(2, keepdims=True) + eps)
    return _standard(x, _AXES[kind], eps)


def _standard(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True) + eps)


def cells(
    shape: tuple[int, int, int], at: tuple[int, int, int], kind: str, groups: int = 2
) -> NDArray[np.bool_]:
    """The cells of a cube (N, L, C) whose statistics normalise the cell ``at``."""
    lit = np.zeros(shape, bool)
    n, t, c = at
    if kind == "group":
        size = shape[2] // groups
        lit[n, :, c // size * size : c // size * size + size] = True
        return lit
    axes = _AXES[kind]
    lit[tuple(slice(None) if axis in axes else i for axis, i in enumerate((n, t, c)))] = True
    return lit


def gradient_norms(order: str, layers: int, d: int, seed: int) -> list[float]:
    """‖∂ loss/∂ W_l‖ of every layer of a random residual stack at the start of training.

    post: x ← LN(x + W x); pre: x ← x + W LN(x) and a last LN (Xiong et al. 2020). One token of
    width ``d``, loss = g·x_L. Pre-norm shrinks the last layers' gradients by about √(L/2).
    """
    rng = np.random.default_rng(seed)
    Ws = rng.standard_normal((layers, d, d)) / np.sqrt(d)
    return stack_gradients(order, Ws, rng.standard_normal(d), rng.standard_normal(d) / np.sqrt(d))


def stack_gradients(order: str, Ws: Array, x: Array, g: Array) -> list[float]:
    """:func:`gradient_norms` for given weights (L, d, d), input (d,) and ∂loss/∂output (d,)."""
    x = layer_norm(x)
    seen = []  # the input of every layer, and of the last LN
    for W in Ws:
        seen.append(x)
        x = layer_norm(x + W @ x) if order == "post" else x + W @ layer_norm(x)
    norms = []
    if order == "pre":
        g = layer_norm_vjp(x, g)
    for W, x in zip(Ws[::-1], seen[::-1], strict=True):
        if order == "post":
            g = layer_norm_vjp(x + W @ x, g)
            norms.append(float(np.linalg.norm(g) * np.linalg.norm(x)))
            g = g + W.T @ g
        else:
            norms.append(float(np.linalg.norm(g) * np.linalg.norm(layer_norm(x))))
            g = g + layer_norm_vjp(x, W.T @ g)
    return norms[::-1]


def layer_norm(x: Array, eps: float = 1e-5) -> Array:
    """(x − mean) / √(σ² + ε) over all features of one token (d,)."""
    return (x - x.mean()) / np.sqrt(x.var() + eps)


def layer_norm_vjp(x: Array, g: Array, eps: float = 1e-5) -> Array:
    """gᵀ ∂LN/∂x."""
    y = layer_norm(x, eps)
    return (g - g.mean() - y * (g * y).mean()) / np.sqrt(x.var() + eps)
