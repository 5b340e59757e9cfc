"""GloVe (Pennington, Socher and Manning 2014): word vectors from counts of words met together.

    J = Σ f(X) (wᵢ·w̃ⱼ + bᵢ + b̃ⱼ − log Xᵢⱼ)²,   f(x) = min(1, (x / 100)^0.75)

X is symmetric; a pair k words apart counts 1/k. The vector of a word is w + w̃. AdaGrad, rate 0.05.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genapp.errors import UserError
from genapp.tokens import wordforms

WINDOW = 10
MOST_WORDS = 8_000
X_MAX, POWER = 100.0, 0.75
RATE = 0.05
BATCH = 4096  # cells of X a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The non-zero cells of X: how much word ``i`` meets word ``j``, both ways round."""

    words: tuple[str, ...]
    i: np.ndarray  # int (N,)
    j: np.ndarray  # int (N,)
    x: np.ndarray  # float32 (N,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Vectors and how the fit went."""

    words: tuple[str, ...]
    vectors: np.ndarray  # float32 (V, D), w + w̃
    losses: tuple[float, ...]  # mean of J's terms, one per pass
    correlation: float  # of the model's log counts with the true ones, cells weighed by f


def counted(text: str, window: int = WINDOW, most: int = MOST_WORDS, least: int = 2) -> Counts:
    """Counts the words of ``text`` seen ``least`` times or more within ``window`` of each other.

    Raises :class:`UserError` if fewer than two such words are left.
    """
    tokens = wordforms.words(text)
    ranked = Counter(tokens).most_common(most)
    words = tuple(word for word, count in ranked if count >= least)
    if len(words) < 2:
        raise UserError("The corpus repeats hardly a word", "give a longer text.")
    ids = {word: i for i, word in enumerate(words)}
    row = np.array([ids.get(token, -1) for token in tokens])
    keys, weights = [], []
    for k in range(1, min(window, len(row) - 1) + 1):
        a, b = row[:-k], row[k:]
        known = (a >= 0) & (b >= 0)
        for left, right in ((a, b), (b, a)):
            keys.append(left[known] * len(words) + right[known])
            weights.append(np.full(int(known.sum()), 1 / k))
    cells, at = np.unique(np.concatenate(keys), return_inverse=True)
    x = np.bincount(at, np.concatenate(weights)).astype(np.float32)
    return Counts(words=words, i=cells // len(words), j=cells % len(words), x=x)


def fit(
    counts: Counts,
    width: int = 50,
    passes: int = 50,
    seed: int = 0,
    seen: Callable[[int, float], None] | None = None,
) -> Fit:
    """Minimises J over shuffled batches of cells; ``seen(pass, loss)`` after each pass."""
    rng = np.random.default_rng(seed)
    V, N = len(counts.words), len(counts.x)
    # One row per word and side: its vector, its bias, and a one for the other side's bias.
    W = [(rng.random((V, width + 1), np.float32) - 0.5) / width for _ in range(2)]
    G = [np.ones((V, width + 1), np.float32) for _ in range(2)]  # squared gradients so far
    weight = np.minimum(1, (counts.x / X_MAX) ** POWER).astype(np.float32)
    target = np.log(counts.x)
    losses = []
    for n in range(passes):
        total = 0.0
        for batch in np.array_split(rng.permutation(N), max(1, N // BATCH)):
            total += _descend(W, G, counts.i[batch], counts.j[batch], target[batch], weight[batch])
        losses.append(total / N)
        if seen:
            seen(n, losses[-1])
    guess = _products(W, counts.i, counts.j)[2]
    spread = np.cov(guess, target, aweights=weight)
    return Fit(
        words=counts.words,
        vectors=W[0][:, :-1] + W[1][:, :-1],
        losses=tuple(losses),
        correlation=float(spread[0, 1] / np.sqrt(spread[0, 0] * spread[1, 1])),
    )


def _products(
    W: list[np.ndarray], i: np.ndarray, j: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows of wᵢ, rows of w̃ⱼ, wᵢ·w̃ⱼ + bᵢ + b̃ⱼ)"""
    left, right = W[0][i], W[1][j]
    inner = np.einsum("nd,nd->n", left[:, :-1], right[:, :-1])
    return left, right, inner + left[:, -1] + right[:, -1]


def _descend(
    W: list[np.ndarray],
    G: list[np.ndarray],
    i: np.ndarray,
    j: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
) -> float:
    """One AdaGrad step on a batch, in place; returns the batch's Σ f·error²."""
    from scipy.sparse import csr_matrix

    left, right, guess = _products(W, i, j)
    error = guess - target
    slope = (weight * error)[:, None]
    for side, rows, other in ((0, i, right), (1, j, left)):
        each = slope * np.hstack([other[:, :-1], np.ones((len(rows), 1), np.float32)])
        picks = (np.ones(len(rows), np.float32), (rows, np.arange(len(rows))))
        gradient = csr_matrix(picks, (len(W[side]), len(rows))) @ each  # sums rows that recur
        step = RATE * gradient
        W[side] -= step / np.sqrt(G[side])
        G[side] += step**2  # as in the authors' program: the rate is inside the square
    return float((weight * error**2).sum())
