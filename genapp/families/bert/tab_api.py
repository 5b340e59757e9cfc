"""The tab over HTTP: ``fill_mask``, ``next_sentence`` and ``sentence_vectors``."""

from typing import Any

import gradio as gr
import numpy as np

from genapp import service
from genapp.errors import UserError
from genapp.families.bert.spec import TEXT, FillRequest
from genapp.families.bert.tab_work import FAMILY, call, told
from genapp.ui.parts import unless_failed

MOST = 64  # sentences of one call


def add() -> None:
    """Adds the endpoints to the page being built."""
    for function in (fill_mask, next_sentence, sentence_vectors):
        gr.api(function, api_name=function.__name__, concurrency_id="model")


def fill_mask(
    text: str, second: str = "", top: int = 10, checkpoint: str = "bert-mini"
) -> dict[str, Any]:
    """Fill the gaps of a text with a small BERT.

    Args:
        text: up to 4,000 characters; [MASK] marks a gap. Without one some words are hidden.
        second: sentence B, if there is one.
        top: candidates a gap, 1 to 50.
        checkpoint: which model reads.

    Returns:
        tokens (word pieces), p_next (that B follows A; null without B) and gaps: a list of place
        (among the tokens), truth (what was hidden, if known) and guesses, likeliest first: piece
        and p.
    """
    frame = None
    request = FillRequest(text=text, second=second, top=top, checkpoint=checkpoint, seed=0)
    for frame in service.stream(FAMILY, request):
        unless_failed(frame)
    assert frame is not None
    gaps = [
        {
            "place": gap.place,
            "truth": gap.truth,
            "guesses": [{"piece": piece, "p": p} for piece, p in gap.guesses],
        }
        for gap in frame.gaps
    ]
    return {"tokens": list(frame.tokens), "p_next": frame.p_next, "gaps": gaps}


def next_sentence(a: str, b: str, checkpoint: str = "bert-mini") -> float:
    """Say how likely it is that one sentence follows another.

    Args:
        a: the first sentence.
        b: the one that may follow it.
        checkpoint: which model reads.

    Returns:
        The probability that b follows a, 0 to 1.
    """
    return _follows(a, b, checkpoint)  # type: ignore[no-any-return]


@told
def _follows(a: str, b: str, checkpoint: str) -> float:
    if not (a.strip() and b.strip()):
        raise UserError("A sentence is empty", "give two sentences.")
    if max(len(a), len(b)) > TEXT:
        raise UserError("A sentence is too long", f"keep it to {TEXT:,} characters.")
    return float(call("generate:follows", checkpoint, [(a, b)])[0])


def sentence_vectors(
    sentences: list[str], pooling: str = "mean", checkpoint: str = "bert-mini"
) -> dict[str, Any]:
    """Turn sentences into vectors of length 1.

    Args:
        sentences: 1 to 64 of them, each up to 4,000 characters.
        pooling: "mean" or "max" over the tokens, or "cls".
        checkpoint: which model reads.

    Returns:
        vectors (a list of numbers for each sentence) and cosines (how alike each pair is).
    """
    return _vectors(sentences, pooling, checkpoint)  # type: ignore[no-any-return]


@told
def _vectors(sentences: list[str], pooling: str, checkpoint: str) -> dict[str, Any]:
    from genapp.families.bert.vectors import pooled

    if not 1 <= len(sentences) <= MOST:
        raise UserError(f"There are {len(sentences)} sentences", f"give 1 to {MOST}.")
    if any(not isinstance(s, str) or len(s) > TEXT for s in sentences):
        raise UserError("A sentence can't be read", f"give text of up to {TEXT:,} characters.")
    found = call("vectors:vectors", checkpoint, sentences)
    X = np.stack([pooled(words, pooling) for words in found])
    return {"vectors": X.tolist(), "cosines": (X @ X.T).tolist()}
