"""BERTScore: does each word of one sentence have a word close to it in the other?

Zhang, Kishore, Wu, Weinberger & Artzi 2020. Any encoder that gives a vector per token serves; the
numbers of two encoders, or of two layers of one, are not comparable. Shapes: C candidate tokens,
R reference tokens, D width, L layers.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from genapp.errors import UserError
from genapp.vectors import Words

Array = NDArray[np.floating]

# Our own, each about something else: their pairs say what a score is worth that means nothing.
UNRELATED = (
    "The baker opened her shop before sunrise.",
    "Rain fell on the mountain for three days.",
    "He lost his keys somewhere in the park.",
    "The committee will vote on the new budget next week.",
    "A spider is not an insect.",
    "My grandmother keeps bees behind the house.",
    "The train to the coast was late again.",
    "Nobody could explain why the lights went out.",
    "She learned to play the violin when she was six.",
    "Water boils at a lower temperature on high ground.",
    "The king gave the castle to his younger son.",
    "Two ships left the harbour in the fog.",
    "I would rather read than watch television.",
    "The doctor told him to rest and drink tea.",
    "Prices rose faster than wages last year.",
    "Children were flying kites on the beach.",
    "The old bridge cannot carry a heavy truck.",
    "An actor forgot his lines and began to laugh.",
    "Our team scored twice in the last minute.",
    "The museum is closed on Mondays.",
    "Wolves hunt in groups and sleep in the open.",
    "You have to sign the letter on the second page.",
    "The cook added too much salt to the soup.",
    "A small telescope shows the rings of Saturn.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """1 is best. ``similarity`` is the cosine of the two mean vectors, no matching at all."""

    precision: float
    recall: float
    f1: float
    similarity: float

    def rescaled(self, baseline: "Score") -> "Score":
        """(x − b) / (1 − b): the baseline becomes 0, and 1 stays 1 (section 3 of the paper)."""
        pairs = zip(astuple(self), astuple(baseline), strict=True)
        return _score((x - b) / (1 - b) for x, b in pairs)


def cosines(candidate: Array, reference: Array) -> Array:
    """(…, C, D) and (…, R, D) → (…, C, R), each −1 to 1."""
    return _unit(candidate) @ np.swapaxes(_unit(reference), -1, -2)


def _unit(x: Array) -> Array:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)  # type: ignore[no-any-return]


def greedy(cosine: Array, candidate: Array, reference: Array) -> tuple[float, float, float]:
    """P, R and F1 of one layer's ``cosine`` (C, R) under the tokens' weights (C,) and (R,).

    P is the mean over candidate tokens of the closest reference token's cosine, R the same over
    reference tokens; a token may be chosen many times.
    """
    P = float(np.average(cosine.max(1), weights=candidate))
    R = float(np.average(cosine.max(0), weights=reference))
    return P, R, 2 * P * R / (P + R) if P + R > 0 else 0.0


def usual_layer(layers: int) -> int:
    """Three quarters of the way up: where the paper's table puts it (9 of BERT-base's 12)."""
    return round(0.75 * layers)


def score(
    candidate: Words, reference: Words, layer: int, idf: Mapping[str, float] | None = None
) -> Score:
    """One pair at one layer, 0 being the input embeddings. Special tokens don't count.

    ``idf`` is :func:`inverse_frequency`'s; without it all tokens weigh the same. Raises
    :class:`UserError` for a layer that isn't there or a text without a word.
    """
    c, r = candidate.words(), reference.words()
    if not c.tokens or not r.tokens:
        raise UserError("A text holds no word", "write a sentence.")
    L = len(c.layers)
    if not 0 <= layer < L:
        raise UserError(f"There is no layer {layer}", f"give 0 to {L - 1}.")
    x, y = c.layers[layer], r.layers[layer]
    u, v = weights(c.tokens, idf), weights(r.tokens, idf)
    means = np.average(x, 0, u)[None], np.average(y, 0, v)[None]
    return _score((*greedy(cosines(x, y), u, v), float(cosines(*means)[0, 0])))


def _score(values: Iterable[float]) -> Score:
    return Score(**dict(zip(Score.__dataclass_fields__, values, strict=True)))


def inverse_frequency(references: Sequence[Words]) -> dict[str, float]:
    """−log of the share of ``references`` that hold a token, plus-one smoothed; "" for the unseen.

    Comes down to log (M + 1)/(m + 1) for a token in m of M references.
    """
    M = len(references)
    held = Counter(token for words in references for token in set(words.words().tokens))
    return {"": math.log(M + 1)} | {t: math.log((M + 1) / (m + 1)) for t, m in held.items()}


def weights(tokens: Sequence[str], idf: Mapping[str, float] | None) -> Array:
    """A weight per token (T,). A text whose every token is in every reference is weighed evenly."""
    w = np.ones(len(tokens)) if idf is None else np.array([idf.get(t, idf[""]) for t in tokens])
    return w if w.sum() > 0 else np.ones(len(tokens))


def baseline(texts: Sequence[Words], layer: int, idf: Mapping[str, float] | None = None) -> Score:
    """The mean score of all pairs of ``texts``, which are to have nothing in common.

    By the encoder and at the layer whose scores it shall rescale.
    """
    found = [astuple(score(a, b, layer, idf)) for a, b in combinations(texts, 2)]
    return _score(float(x) for x in np.mean(found, 0))
