"""Who may look at whom: sparse and structured patterns as boolean matrices (queries, keys).

Line patterns: Child et al. 2019 (strided, fixed), Beltagy et al. 2020 (global tokens). Grid
patterns: Liu et al. 2021 (windows, shifted windows), Huang et al. 2019 (criss-cross), Yang et al.
2021 (focal), Jaegle et al. 2021 (Perceiver).
"""

import math

import numpy as np

from genapp.mechanics.attention import Mask

FOCAL = ((1, 8), (2, 6), (4, 5))  # (pool size, cells per side): near and fine … far and coarse


def dense(n: int) -> Mask:
    """Everybody sees everybody."""
    return np.ones((n, n), bool)


def causal(n: int) -> Mask:
    """Nobody sees what comes later."""
    return np.tri(n, dtype=bool)


def local(n: int, w: int) -> Mask:
    """|i − j| ≤ w."""
    i, j = np.indices((n, n))
    return abs(i - j) <= w


def strided(n: int, s: int) -> Mask:
    """The last s tokens, and every s-th before: two steps reach everything earlier."""
    i, j = np.indices((n, n))
    return (j <= i) & ((i - j < s) | ((i - j) % s == 0))


def fixed(n: int, s: int) -> Mask:
    """One's own block of s, and the last token of every earlier block."""
    i, j = np.indices((n, n))
    return (j <= i) & ((i // s == j // s) | (j % s == s - 1))


def global_tokens(n: int, w: int, g: int) -> Mask:
    """A local band, and g tokens at the start that see all and are seen by all."""
    i, j = np.indices((n, n))
    return local(n, w) | (i < g) | (j < g)


def windows(side: int, M: int) -> Mask:
    """Tokens of a side × side grid see their M × M window."""
    return _same_region(np.arange(side) // M)


def shifted_windows(side: int, M: int) -> Mask:
    """The windows moved by half: a cyclic shift, and a mask between parts that do not touch."""
    shift = M // 2
    return _same_region(np.ceil((np.arange(side) - (M - shift) + 1) / M).astype(int))


def criss_cross(side: int) -> Mask:
    """One's own row and one's own column."""
    r, c = _rows_columns(side)
    return (r[:, None] == r) | (c[:, None] == c)


def regions(side: int, M: int) -> int:
    """How many parts :func:`shifted_windows` cuts the grid into."""
    return len(np.unique(shifted_windows(side, M), axis=0))


def _rows_columns(side: int) -> tuple[np.ndarray, np.ndarray]:
    return np.divmod(np.arange(side * side), side)


def _same_region(part: np.ndarray) -> Mask:
    r, c = _rows_columns(len(part))
    return (part[r][:, None] == part[r]) & (part[c][:, None] == part[c])


def focal_keys(side: int, M: int, row: int, column: int) -> list[tuple[int, int, int]]:
    """Keys of the M × M window whose corner is (row, column), as (row, column, pool size).

    Cells that leave the grid are clipped away: a border window has fewer keys.
    """
    keys = []
    for pool, cells in FOCAL:
        out = (pool * cells - M) // 2
        rows = range(row - out, row - out + pool * cells, pool)
        columns = range(column - out, column - out + pool * cells, pool)
        keys += [
            (r, c, pool)
            for r in rows
            for c in columns
            if 0 <= r <= side - pool and 0 <= c <= side - pool
        ]
    return keys


def reach(mask: Mask, layers: int) -> Mask:
    """Which keys can have had a say after ``layers`` layers: the boolean power of the pattern."""
    now = np.eye(len(mask), dtype=bool)
    for _ in range(layers):
        now = (now.astype(np.float32) @ mask.astype(np.float32)) > 0
    return now


def pairs_factorised(n: int, p: int = 2) -> int:
    """n · n^{1/p}: every token looks at n^{1/p} others (Child et al. 2019)."""
    return round(n * n ** (1 / p))


def perceiver_pairs(M: int, N: int) -> int:
    """M inputs read by N latents, then the latents among themselves: M·N + N² per block."""
    return M * N + N * N


def swin_windows(image: int, patch: int, M: int, stages: int = 4) -> list[int]:
    """Windows per side in each stage; every stage halves each side."""
    return [math.ceil(image // patch // 2**s / M) for s in range(stages)]


def msa_cost(h: int, w: int, C: int) -> int:
    """Ω(MSA) = 4hwC² + 2(hw)²C multiplications (Liu et al. 2021, eq. 1)."""
    return 4 * h * w * C**2 + 2 * (h * w) ** 2 * C


def window_msa_cost(h: int, w: int, C: int, M: int) -> int:
    """Ω(W-MSA) = 4hwC² + 2M²hwC multiplications (Liu et al. 2021, eq. 2)."""
    return 4 * h * w * C**2 + 2 * M**2 * h * w * C
