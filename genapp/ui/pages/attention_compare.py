"""Under the Viewer, folded: the same map of another sentence, of another model, or of the pass
before it was changed, subtracted cell by cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gradio as gr

from genapp.attention import Maps
from genapp.errors import UserError

SAME = ""  # model or sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The components of the folded row."""

    text: gr.Textbox
    model: gr.Dropdown
    go: gr.Button
    stop: gr.Button


def row(models: Sequence[tuple[str, str]], longest: int) -> Row:
    """Lays out the folded row."""
    with gr.Accordion("Compare with another sentence or model", open=False):
        gr.Markdown(
            "Cells are subtracted place by place, up to the end of the shorter sentence. With both "
            "fields left alone you see what **your changes** did: hidden or swapped words, silent "
            "heads."
        )
        with gr.Row(equal_height=False):
            text = gr.Textbox(
                label="Other sentence", placeholder="the same", max_length=longest, max_lines=4,
                scale=5, min_width=220, elem_id="viewer-other",
            )  # fmt: skip
            model = gr.Dropdown(
                [("the same", SAME), *models], value=SAME, label="Other model", scale=3,
                min_width=150, elem_id="viewer-other-model",
            )  # fmt: skip
            go = gr.Button("Compare", scale=1, min_width=100)
            stop = gr.Button("Stop", scale=1, min_width=80)
    return Row(text=text, model=model, go=go, stop=stop)


def check(maps: Sequence[Maps], other: Sequence[Maps], same_model: bool) -> None:
    """Raises :class:`UserError` if the two passes can't be subtracted."""
    if [m.kind for m in maps] != [m.kind for m in other]:
        raise UserError(
            "These two models look in different ways", "choose another of the same kind."
        )
    tokens = [(m.queries.tokens, m.keys.tokens) for m in maps]
    if not same_model and tokens != [(m.queries.tokens, m.keys.tokens) for m in other]:
        raise UserError(
            "These two models cut the input into different tokens",
            "choose one that reads as this one does, or compare two sentences.",
        )


def name(asked: Mapping[str, str], other: Mapping[str, str]) -> str:
    """What the other pass is called beside this one."""
    if other["model"] != asked["model"]:
        return other["model"].partition("/")[2]
    if other["text"] != asked["text"]:
        first = other["text"].partition("\n")[0]
        return f"“{first[:40]}{'…' if len(first) > 40 else ''}”"
    return "before the changes"
