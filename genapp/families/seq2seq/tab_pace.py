"""The folded panel: all words in one pass, or word by word with and without a KV cache."""

import html
import secrets
from collections.abc import Mapping
from typing import Any

import gradio as gr

from genapp import service
from genapp.errors import UserError
from genapp.families.seq2seq import tab_views, tab_write
from genapp.spec import resolve
from genapp.ui import parts
from genapp.ui.widgets.alignment import widget

WAYS: Mapping[str, str] = {  # what the radio says → the way of genapp.translation.pace
    "in one pass (training)": "one pass",
    "step by step, KV cache": "step by step, KV cache",
    "step by step, no cache": "step by step, no cache",
}
HEAVY: dict[str, Any] = {
    "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "model",
}  # fmt: skip
ABOUT = """
While it learns, the Transformer knows the whole translation and handles every word in **one pass**,
each one masked from what follows. When it writes, each word waits for the one before. Without a
**KV cache** every step goes over all earlier words again. The map below is the same in all three;
the time isn't.
"""


def build(text: gr.Textbox, reference: gr.Textbox) -> None:
    """The fold, its events and its endpoint; reads the sentence and reference at the tab's top."""
    with gr.Accordion("What a KV cache saves: one pass, or word by word", open=False) as fold:
        gr.Markdown(ABOUT)
        with gr.Row():
            way = gr.Radio(
                list(WAYS), value=next(iter(WAYS)), label="The Transformer writes the reference",
                elem_id="pace-way", scale=8,
            )  # fmt: skip
            again = gr.Button("Measure again", scale=2, min_width=130)
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320):
                picture = widget.alignment(
                    "Cross-attention map", "Nothing written yet.", elem_id="pace-map"
                )
            with gr.Column(scale=4, min_width=280):
                table = gr.HTML(css_template=tab_views.CSS, elem_id="pace-table")
    asked = [way, text, reference]
    fold.expand(draw, asked, picture, **HEAVY).success(times, asked[1:], table, **HEAVY)
    way.input(draw, asked, picture, trigger_mode="always_last", **HEAVY)
    again.click(draw, asked, picture, **HEAVY).success(times, asked[1:], table, **HEAVY)
    gr.api(time_decoding, api_name="time_decoding", concurrency_id="model")


def _pace(text: str, reference: str, **more: Any) -> Any:
    try:
        loaded = service.models.get(*tab_write.model_of("Transformer"))
        told = reference if (reference or "").strip() else _translated(text)
        return resolve("genapp.translation.pace:three_ways")(loaded, text or "", told, **more)
    except UserError as error:
        return parts.unless_failed(service.Failure(str(error)))


def _translated(text: str) -> str:
    *_, frame = tab_write.frames("Transformer", text)
    return str(frame.text)


def draw(way: str, text: str, reference: str) -> Any:
    """The map of one way, its time and how far it is from the one-pass map."""
    name = WAYS.get(way, "one pass")
    told = _pace(text, reference, lengths=(), repeats=1)
    apart = told.difference(name)
    same = "" if name == "one pass" else f" · at most {apart:.7f} from the one-pass map"
    return widget.value(
        told.source, told.pieces, told.weights[name], run=secrets.token_hex(4), status="done",
        note=f"{name}: {told.milliseconds[name][0]:.1f} ms for {len(told.pieces)} pieces{same}",
        settings={"way": name},
    )  # fmt: skip


def times(text: str, reference: str) -> str:
    """Milliseconds of the three ways, for this sentence and for longer ones."""
    told = _pace(text, reference)
    lengths = resolve("genapp.translation.pace:LENGTHS")
    heads = ["pieces written", f"{len(told.pieces)} (this)", *map(str, lengths)]
    rows = "".join(
        f"<tr><th>{html.escape(way)}</th>{''.join(f'<td>{ms:,.0f} ms</td>' for ms in row)}</tr>"
        for way, row in told.milliseconds.items()
    )
    _, cached, afresh = told.milliseconds.values()
    apart = max(told.difference(way) for way in told.milliseconds)
    head = "".join(f"<th>{h}</th>" for h in heads)
    return (
        f'<div class="mt-wide"><table class="mt-table mt-aligned"><tr>{head}</tr>{rows}</table>'
        f'</div><p class="mt-note">At {lengths[-1]} pieces the cache makes writing '
        f"{afresh[-1] / cached[-1]:.1f} times as fast; the maps differ by at most {apart:.7f}. "
        "Measured now, on this server; longer ones write the reference over and over.</p>"
    )


def time_decoding(text: str, reference: str = "") -> dict[str, Any]:
    """Time the Transformer translator writing a reference in one pass and step by step.

    Args:
        text: a Russian, German or French sentence.
        reference: its English translation; the model's own if empty.

    Returns:
        lengths (pieces written: this sentence's, then longer ones), milliseconds (a list for each
        of three ways) and difference (of each way's attention map from the one-pass map).
    """
    told = _pace(text, reference)
    lengths = resolve("genapp.translation.pace:LENGTHS")
    return {
        "lengths": [len(told.pieces), *lengths],
        "milliseconds": {way: list(row) for way, row in told.milliseconds.items()},
        "difference": {way: told.difference(way) for way in told.milliseconds},
    }
