"""The pieces every tab is told with: the story, the formula, the card, the error."""

import html
from typing import Any

import gradio as gr

from genapp import checkpoints, registry
from genapp.errors import UserError
from genapp.service import Failure


def story(what: str, try_first: str) -> None:
    """One sentence of what this is, and what to try first."""
    gr.HTML(
        f'<p class="what">{what}</p><p class="try"><b>Try first</b> {try_first}</p>',
        elem_classes="story",
    )


def how_it_works(markdown: str, title: str = "How it works") -> None:
    """A folded explanation; formulas between dollar signs."""
    with gr.Accordion(title, open=False):
        gr.Markdown(
            markdown,
            latex_delimiters=[
                {"left": "$$", "right": "$$", "display": True},
                {"left": "$", "right": "$", "display": False},
            ],
        )


def card(meta: checkpoints.Meta) -> str:
    """A checkpoint's card as Markdown: size, training, data with licence, held-out metrics."""
    lines = [
        f"**{meta.preset}** · {meta.parameters:,} parameters · step {meta.step:,} of {meta.steps:,}"
        f" · {_duration(meta.seconds)} on {meta.hardware} · seed {meta.seed}",
        "",
        *([meta.about, ""] if meta.about else []),
        "| data | licence |",
        "|---|---|",
        *(f"| [{d['name']}]({d['source']}) | {d['licence']} |" for d in meta.data),
        "",
        "| held-out metric | value |",
        "|---|---|",
        *(f"| {k.replace('_', ' ')} | {_shown(v)} |" for k, v in _flat(meta.metrics).items()),
    ]
    return "\n".join(lines)


def card_of(family: str, name: str) -> str:
    """:func:`card` of a checkpoint by name, or the reason there is none."""
    try:
        found = checkpoints.find(registry.get(family).name)
        if name not in found:
            return f"No checkpoint {name!r} — train it on the Train page."
        return card(checkpoints.read_meta(found[name]))
    except UserError as error:
        return str(error)


def _flat(metrics: Any, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key} · ")
        else:
            flat[prefix + key] = value
    return flat


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_shown(v) for v in value[:12]) + (" …" if len(value) > 12 else "")
    return str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def unless_failed(result: Any) -> Any:
    """``result`` itself, or the failure raised as a message in the corner of the page."""
    if isinstance(result, Failure):
        raise gr.Error(html.escape(str(result)), duration=8, print_exception=False)
    return result
