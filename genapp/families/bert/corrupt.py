"""Masked language modelling's corruption (Devlin et al. 2019, section 3.1), in numpy.

Of the words some are chosen; of these 80 % become [MASK], 10 % a random token, and 10 % stay as
they are: at work no [MASK] will be there, and a word that may be wrong has to be read, too.
"""

from dataclasses import dataclass

import numpy as np

from genapp.errors import UserError

LEFT, MASKED, RANDOM, KEPT = range(4)  # a token's fate; LEFT: it was not chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """Which share is chosen and what becomes of it; what remains of the chosen is kept."""

    rate: float = 0.15
    masked: float = 0.8
    random: float = 0.1

    def __post_init__(self) -> None:
        for name in ("rate", "masked", "random"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} is {getattr(self, name):g}", "give 0 to 1.")
        if self.masked + self.random > 1 + 1e-9:
            raise UserError(
                f"masked and random make {self.masked + self.random:.0%}",
                "let them be 100 % or less together; the rest is kept.",
            )


def corrupt(
    ids: np.ndarray, words: np.ndarray, how: Corruption, mask: int, ordinary: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """``ids`` (B, T) as the model reads them, and each token's fate (B, T) int8.

    Only tokens where ``words`` (B, T) is true can be chosen: a share ``how.rate`` of each row,
    at least one. A random token is drawn from the ids ``ordinary``.
    """
    dice = np.where(words, rng.random(ids.shape), 2.0)
    counts = words.sum(1)
    chosen = np.round(counts * how.rate).astype(int)
    if how.rate > 0:
        chosen = np.minimum(np.maximum(chosen, 1), counts)
    ranks = dice.argsort(1).argsort(1)  # words first, in random order
    u = rng.random(ids.shape)
    fate = np.where(u < how.masked, MASKED, np.where(u < how.masked + how.random, RANDOM, KEPT))
    fate = np.where(ranks < chosen[:, None], fate, LEFT).astype(np.int8)
    read = np.where(fate == MASKED, mask, ids)
    return np.where(fate == RANDOM, rng.choice(ordinary, ids.shape), read), fate
