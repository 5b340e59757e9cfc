"""What the Measures lab computes: one pair under every measure, at every layer of an encoder.

All layers travel to the browser, with and without IDF weights, so that turning those knobs asks
the server nothing.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from genapp import checkpoints, registry, service
from genapp.errors import UserError
from genapp.metrics import bertscore, text
from genapp.metrics.bertscore import UNRELATED, Score
from genapp.service import Failure
from genapp.ui.parts import unless_failed
from genapp.vectors import Words

START = "bert/bert-mini"
LONGEST = 400  # characters of a sentence on the page: 100 × 100 cosines a layer
REFERENCES = 60  # sentences of one's own to count words in


def encoders() -> list[tuple[str, str]]:
    """(title, family/checkpoint) of every model that gives vectors, a family's main one first."""
    found = []
    for spec in registry.all_families().values():
        rank = {name: i for i, name in enumerate(spec.presets)}
        names = checkpoints.find(spec.name) if spec.vectors else ()
        for name in sorted(names, key=lambda name: rank.get(name, len(rank))):
            title = spec.presets[name].title if name in spec.presets else f"{spec.title} · {name}"
            found.append((title, f"{spec.name}/{name}"))
    return found


def first(found: list[tuple[str, str]], wanted: str = START) -> str | None:
    """``wanted`` if there is such an encoder, else the one at the head of the list."""
    names = [name for _, name in found]
    return wanted if wanted in names else next(iter(names), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What an encoder's scores are held against: word weights, and a baseline per layer."""

    idf: dict[str, float]
    plain: tuple[Score, ...]
    weighted: tuple[Score, ...]


def standard(encoder: str, references: Sequence[str] = ()) -> Standard:
    """Computed once for each checkpoint and set of ``references``; none means our own 24."""
    family, name = _parted(encoder)
    stamp = (checkpoints.find(family)[name] / checkpoints.META).stat().st_mtime
    return _standard(family, name, tuple(references), stamp)


@lru_cache(maxsize=8)
def _standard(family: str, name: str, references: tuple[str, ...], stamp: float) -> Standard:
    unrelated = service.vectors(family, name, UNRELATED)
    counted = service.vectors(family, name, references) if references else unrelated
    idf = bertscore.inverse_frequency(counted)
    layers = range(len(unrelated[0].layers))
    return Standard(
        idf=idf,
        plain=tuple(bertscore.baseline(unrelated, layer) for layer in layers),
        weighted=tuple(bertscore.baseline(unrelated, layer, idf) for layer in layers),
    )


def lines(references: str) -> list[str]:
    """The sentences of a text box, one a line; raises :class:`UserError` for too many."""
    found = [line.strip() for line in references.splitlines() if line.strip()]
    if len(found) > REFERENCES:
        raise UserError(f"There are {len(found)} references", f"give up to {REFERENCES} lines.")
    return found


def compare(candidate: str, reference: str, encoder: str, references: str = "") -> dict[str, Any]:
    """Everything the page shows of a pair; ``cosines`` (L + 1, C, R) is an array, the rest JSON."""
    known = standard(encoder, lines(references))
    c, r = (w.words() for w in service.vectors(*_parted(encoder), [candidate, reference]))
    depths = range(len(c.layers))
    return {
        "pair": [candidate, reference],
        "encoder": dict((name, title) for title, name in encoders())[encoder],
        "candidate": list(c.tokens),
        "reference": list(r.tokens),
        "usual": bertscore.usual_layer(len(c.layers) - 1),
        "weights": [_rounded(bertscore.weights(w.tokens, known.idf)) for w in (c, r)],
        "counted": text.scores(candidate, reference),
        "plain": [astuple(bertscore.score(c, r, at)) for at in depths],
        "idf": [astuple(bertscore.score(c, r, at, known.idf)) for at in depths],
        "baseline": {
            "plain": [astuple(b) for b in known.plain],
            "idf": [astuple(b) for b in known.weighted],
        },
        "cosines": bertscore.cosines(c.layers, r.layers),
    }


def _rounded(weights: np.ndarray) -> list[float]:
    return [round(float(w), 3) for w in weights]


def _parted(encoder: str) -> tuple[str, str]:
    """family and checkpoint; raises :class:`UserError` for an encoder that isn't there."""
    known = [name for _, name in encoders()]
    if encoder not in known:
        raise UserError(
            f"There is no encoder {encoder!r}",
            f"choose one of {', '.join(known) or 'none yet: train one on the Train page'}.",
        )
    family, _, name = encoder.partition("/")
    return family, name


def text_scores(
    candidate: str,
    reference: str,
    encoder: str = "",
    layer: int = -1,
    idf: bool = False,
    rescale: bool = False,
    references: list[str] | None = None,
) -> dict[str, Any]:
    """Score a sentence against a reference: by counting, and by an encoder's vectors.

    Args:
        candidate: what was written, up to 2,000 characters.
        reference: what was meant, up to 2,000 characters.
        encoder: family/checkpoint, such as gpt/gpt-mini; empty for the page's own choice.
        layer: 0 is the input embeddings; -1 is three quarters of the way up.
        idf: whether rare words weigh more in BERTScore.
        rescale: whether 0 stands for what unrelated sentences get, instead of cosine 0.
        references: sentences to count words in for idf, up to 60; by default 24 of our own.

    Returns:
        bleu, chrf and ter as 0 to 100 (ter: 0 is best), the rest as shares: unigram_precision,
        rouge_1, rouge_2, rouge_l, exact_match, distinct_2, bertscore_precision, bertscore_recall,
        bertscore_f1, similarity; and the encoder and layer used.
    """
    try:
        given = references or []
        name = encoder or first(encoders()) or ""
        c, r = service.vectors(*_parted(name), [candidate, reference])
        at = bertscore.usual_layer(len(c.layers) - 1) if layer == -1 else layer
        score = _scored((c, r), name, at, idf, rescale, lines("\n".join(given)))
    except UserError as error:
        unless_failed(Failure(str(error)))
        raise
    P, R, F, similarity = astuple(score)
    return {
        **text.scores(candidate, reference),
        "bertscore_precision": P,
        "bertscore_recall": R,
        "bertscore_f1": F,
        "similarity": similarity,
        "encoder": name,
        "layer": at,
    }


def _scored(
    pair: tuple[Words, Words], encoder: str, layer: int, idf: bool, rescale: bool, given: list[str]
) -> Score:
    score = bertscore.score(*pair, layer)
    if not (idf or rescale):
        return score
    known = standard(encoder, given)
    if idf:
        score = bertscore.score(*pair, layer, known.idf)
    return score.rescaled((known.weighted if idf else known.plain)[layer]) if rescale else score
