"""The folded panel: a batch with its pads, and the loss with and without them."""

import html
from collections.abc import Sequence
from typing import Any

import gradio as gr

from genapp import service
from genapp.errors import UserError
from genapp.families.seq2seq import tab_write
from genapp.spec import resolve

ROWS = 5
HEAVY: dict[str, Any] = {
    "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "model",
    "trigger_mode": "always_last",
}  # fmt: skip
CSS = """
.pads { overflow-x: auto; color: var(--body-text-color); }
.pads h4 { margin: 10px 0 6px; font-size: 13px; font-weight: 600; color: var(--body-text-color-subdued); }
.pads table { border-collapse: separate; border-spacing: 2px; border: 0 !important; font-size: 13px; }
.pads td { padding: 3px 6px !important; border: 0 !important; border-radius: 5px; background: var(--background-fill-secondary); text-align: center; white-space: nowrap; }
.pads td.pad { background: #e7630033; color: var(--body-text-color-subdued); }
.pads td.pad.out { background: none; opacity: .4; }
.pads p { font-size: 14px; margin: 10px 0 0; }
"""  # noqa: E501


def build(language: gr.Radio) -> None:
    """The fold and its events; the sentences are held-out ones of ``language``."""
    with gr.Accordion("A batch and its pads", open=False) as fold:
        gr.Markdown(
            "Sentences of one batch must be equally long: shorter ones are filled with pads. What "
            "is written at a pad is nobody's business, so a **mask** leaves it out of the loss."
        )
        with gr.Row():
            alike = gr.Checkbox(False, label="Sentences of about one length", min_width=200)
            mask = gr.Checkbox(True, label="Mask the pads", min_width=200)
        view = gr.HTML(css_template=CSS, elem_id="batch-view")
    asked = [language, alike, mask]
    fold.expand(show, asked, view, **HEAVY)
    for control in (language, alike, mask):
        control.change(show, asked, view, **HEAVY)


def show(language: str, alike: bool, mask: bool) -> str:
    """Both sides of a batch of held-out pairs, read by the GRU with attention, and the loss."""
    found = tab_write.held_out(language)
    if alike:
        found = sorted(found, key=lambda pair: len(pair[1]))[1:]
    try:
        told = resolve("genapp.translation.padding:padded")(
            service.models.get(*tab_write.model_of("attention")), found[:ROWS]
        )
    except UserError as error:
        return html.escape(str(error))
    loss = told.masked if mask else told.counted
    said = "pads left out" if mask else "pads counted as words, as in a model that must learn them"
    return (
        f'<div class="pads"><h4>read</h4>{_grid(told.source, mask)}'
        f"<h4>to be written</h4>{_grid(told.target, mask)}"
        f"<p><b>{100 * told.pads:.0f} %</b> of the places to write are pads. Loss: "
        f"<b>{loss:.2f}</b> nats a place, {said}.</p></div>"
    )


def _grid(rows: Sequence[Sequence[str]], mask: bool) -> str:
    pad = f'<td class="pad{" out" if mask else ""}">pad</td>'
    lines = "".join(
        "<tr>"
        + "".join(
            f"<td>{html.escape(piece.replace('▁', '').replace('</s>', '∎')) or '␣'}</td>"
            if piece else pad
            for piece in row
        )
        + "</tr>"
        for row in rows
    )  # fmt: skip
    return f"<table>{lines}</table>"
