"""The Studio over HTTP: ``generate`` and ``score``, for gradio_client, curl and other programs."""

from typing import Any

import gradio as gr

from genapp import service
from genapp.families.gpt.spec import GenerateRequest, ScoreRequest
from genapp.families.gpt.tab_write import FAMILY
from genapp.ui.parts import unless_failed


def add() -> None:
    """Adds the endpoints to the page being built."""
    for function in (generate, score):
        gr.api(function, api_name=function.__name__, concurrency_id="model")


def last(request: Any) -> Any:
    """The final frame of ``request``, or its failure as a message."""
    frame = None
    for frame in service.stream(FAMILY, request):
        unless_failed(frame)
    return frame


def generate(
    prompt: str = "",
    style: str = "auto",
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 0.9,
    max_new_tokens: int = 200,
    seed: int = -1,
    checkpoint: str = "gpt-mini",
) -> tuple[str, int]:
    """Write on from a prompt with a small GPT.

    Args:
        prompt: how the text begins, up to 20,000 characters; empty lets the model begin.
        style: story, fable, tale, play, scripture, review, news, or auto for none.
        temperature: 0 is greedy, 1 the model as trained, up to 5.
        top_k: draw from the k most likely tokens only; 0 is off.
        top_p: draw from the smallest set of tokens with this much probability; 1 is off.
        max_new_tokens: 1 to 4,096; the text may end before.
        seed: the same seed writes the same text; -1 draws one.
        checkpoint: which model writes.

    Returns:
        The text without the prompt, and the seed that was used.
    """
    frame = last(
        GenerateRequest(
            prompt=prompt,
            style=style,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            max_new_tokens=max_new_tokens,
            seed=seed,
            checkpoint=checkpoint,
            candidates=0,
        )
    )
    return frame.text, frame.seed


def score(text: str, style: str = "auto", checkpoint: str = "gpt-mini") -> dict[str, Any]:
    """Measure how surprised a small GPT is by a text.

    Args:
        text: what to measure, up to 20,000 characters.
        style: story, fable, tale, play, scripture, review, news, or auto for none.
        checkpoint: which model measures.

    Returns:
        perplexity, bits_per_byte, nats (mean per token) and tokens: a list of text, nats, rank.
    """
    result = last(ScoreRequest(text=text, style=style, checkpoint=checkpoint))
    return {
        "perplexity": result.perplexity,
        "bits_per_byte": result.bits_per_byte,
        "nats": result.nats,
        "tokens": [{"text": t.text, "nats": t.nats, "rank": t.rank} for t in result.tokens],
    }
