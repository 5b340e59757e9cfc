"""The Viewer over HTTP: ``attention_maps`` and ``attention_reasons``, for other programs."""

from typing import Any

import gradio as gr

from genapp import registry, service
from genapp.attention import Maps
from genapp.errors import UserError
from genapp.service import Failure
from genapp.ui.pages import attention_pictures as pictures
from genapp.ui.parts import unless_failed


def add() -> None:
    """Adds the endpoints to the page being built."""
    gr.api(attention_maps, api_name="attention_maps", concurrency_id="model")
    gr.api(attention_reasons, api_name="attention_reasons", concurrency_id="model")


def attention_maps(
    text: str,
    layer: int = 0,
    head: int = 0,
    family: str = "gpt",
    checkpoint: str = "gpt-mini",
    map: int = 0,
) -> dict[str, Any]:
    """Read where a model looks while it reads a text.

    Args:
        text: what the model reads, up to 4,000 characters; for a vision model a photograph's
            name or a data:image/… URI.
        layer: from 0.
        head: from 0, or -1 for the mean of all heads.
        family: which kind of model, such as gpt.
        checkpoint: which model of that kind.
        map: an encoder-decoder has several (encoder, decoder, cross), from 0.

    Returns:
        title, kind, layers, heads, queries and keys (tokens), and matrix: a row of weights per
        query, each summing to 1.
    """
    try:
        asked = text if pictures.wanted(f"{family}/") else text[:4_000]
        return _answer(service.attention(family, checkpoint, asked), map, layer, head)
    except UserError as error:
        unless_failed(Failure(str(error)))
        raise


def attention_reasons(
    text: str,
    method: str = "integrated",
    token: int = -1,
    family: str = "gpt",
    checkpoint: str = "gpt-mini",
) -> dict[str, Any]:
    """Share the likeliest answer's log-probability out among the tokens that led to it.

    Args:
        text: what the model reads, up to 4,000 characters; for a ViT a picture's name or data URI.
        method: gradient (times input), occlusion or integrated (gradients).
        token: where the model is asked, from 0, or -1 for the last one; a ViT's [CLS] is 0.
        family: gpt or vit.
        checkpoint: which model of that kind.

    Returns:
        answer (a token or class), logp in nats, gain (logp minus what it is when no token has any
        content), tokens and values: what each adds, in nats.
    """
    try:
        sees = registry.get(family).sees
        read = text if sees == "picture" else text[:4_000]
        maps = service.attention(family, checkpoint, read)[0]
        if maps.attribute is None or maps.readout is None:
            raise UserError("This model gives no attributions", "choose one of gpt or vit.")
        tokens = maps.queries.tokens
        at = _within(token, -1, len(tokens), "token")
        found = maps.attribute(method, at if at >= 0 else len(tokens) - 1)
    except UserError as error:
        unless_failed(Failure(str(error)))
        raise
    return {
        "answer": maps.readout.name(found.target),
        "logp": found.logp,
        "gain": found.gap,
        "tokens": list(maps.keys.tokens),
        "values": found.values.tolist(),
    }


def _answer(found: list[Maps], which: int, layer: int, head: int) -> dict[str, Any]:
    maps = found[_within(which, 0, len(found), "map")]
    A = maps.layer(_within(layer, 0, maps.layers, "layer"))
    at = _within(head, -1, maps.heads, "head")
    return {
        "title": maps.title,
        "kind": maps.kind,
        "layers": maps.layers,
        "heads": maps.heads,
        "queries": list(maps.queries.tokens),
        "keys": list(maps.keys.tokens),
        "matrix": (A.mean(0) if at < 0 else A[at]).tolist(),
    }


def _within(value: int, low: int, high: int, what: str) -> int:
    if not low <= value < high:
        raise UserError(f"There is no {what} {value}", f"give {low} to {high - 1}.")
    return value
