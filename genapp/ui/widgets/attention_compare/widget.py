"""What mattered in a picture, three ways, and a head's queries and keys in one plane.

The value is the attention viewer's own: the pass on the server's shelf is asked for ``row``,
``rollout``, ``occlude`` and ``joint``. For anything but patches on a picture nothing is shown.
"""

from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from genapp.ui.widgets.patch_view import widget as patch_view

HERE = Path(__file__).parent


def attention_compare(**about: Any) -> gr.HTML:
    """The widget, unseen until a pass over a picture arrives."""
    return gr.HTML(
        value={},  # type: ignore[arg-type]
        html_template="",
        js_on_load=script(),
        head=f"<style>{patch_view.text('widget.css')}{_text('widget.css')}</style>",
        apply_default_css=False,
        label="What mattered",
        **about,
    )


@cache
def script() -> str:
    """All scripts in one function scope."""
    shared = [patch_view.text(f"{name}.js") for name in ("maths", "paint")]
    return "\n".join([*shared, _text("ranks.js"), _text("widget.js")])


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
