"""The five cards of the Tokens lab: bench, merges, bytes, vectors, look-up.

A card's value is ``{"data": JSON}``: Gradio copies lists and dicts inside a value at every update.
``{"error": words}`` inside the JSON takes the place of a result.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent
CARDS = ("bench", "merges", "bytes", "vectors", "lookup")


def card(name: str, share: str, **about: Any) -> gr.HTML:
    """One of ``CARDS``. Its own controls are kept in the URL as ``share``.something."""
    scripts = [_text("common.js"), *([_text("map.js")] if name == "vectors" else [])]
    return gr.HTML(
        value={"data": ""},  # type: ignore[arg-type]
        html_template="",
        js_on_load="\n".join([*scripts, _text(f"{name}.js")]),
        head=f"<style>{_text('widget.css')}</style>",
        apply_default_css=False,
        share=share,
        **about,
    )


def value(data: dict[str, Any]) -> dict[str, str]:
    """The value of a card."""
    return {"data": json.dumps(data, ensure_ascii=False, separators=(",", ":"))}


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
