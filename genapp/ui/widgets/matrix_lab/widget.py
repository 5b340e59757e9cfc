"""The matrix lab: numbers one can edit, and everything computed from them at once in the browser.

Lessons are scripts (``lesson_*.js``) over the same arithmetic (``maths.js``), grids and plots. Two
things need the server, both measurements of this machine: ``server_functions`` below.
"""

from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from genapp.errors import UserError
from genapp.mechanics import costs

HERE = Path(__file__).parent
MATHS = ("maths", "more_maths", "tiny_lm")  # need no page; tests load them alone
PARTS = (
    "grid", "plots", "chain", "lab", "lesson_chain", "lesson_weights", "lesson_scores",
    "lesson_kinds", "lesson_masks", "lesson_patterns", "lesson_heads", "lesson_positions",
    "lesson_norms", "lesson_blocks",
)  # fmt: skip
ORDER = (
    "chain", "weights", "example", "scores", "scaling", "kinds", "masks", "sparsity", "cost",
    "heads", "position", "norms", "blocks",
)  # fmt: skip


def matrix_lab(**about: Any) -> gr.HTML:
    """The widget. The URL keeps lesson and numbers as ``mechanics.lesson`` and ``mechanics.s``."""
    return gr.HTML(
        html_template="",
        js_on_load=script(),
        head=f"<style>{_text('widget.css')}</style>",
        server_functions=[gru_and_attention, loop_and_matmul],
        apply_default_css=False,
        **about,
    )


def gru_and_attention(request: dict[str, Any]) -> dict[str, Any]:
    """Called by the browser: :func:`costs.measure`, or the reason it can't be."""
    try:
        lengths = [int(n) for n in request["lengths"]]
        return {"times": costs.measure(lengths, int(request["d"]))}
    except UserError as error:
        return {"error": str(error)}
    except (KeyError, TypeError, ValueError):
        return {"error": "The request can't be read — give lengths and a width."}


def loop_and_matmul(request: dict[str, Any]) -> dict[str, Any]:
    """Called by the browser: :func:`costs.measure_loop`, or the reason it can't be."""
    try:
        return {"times": costs.measure_loop(int(request["T"]), int(request["d"]))}
    except UserError as error:
        return {"error": str(error)}
    except (KeyError, TypeError, ValueError):
        return {"error": "The request can't be read — give T and d."}


@cache
def maths() -> str:
    """The arithmetic alone; puts ``window.genapp.mechanics`` in place."""
    return "\n".join(_text(f"{name}.js") for name in MATHS)


@cache
def script() -> str:
    """All scripts in one function scope."""
    known = "\n".join(
        (
            f"const EXAMPLES = {_text('examples.json')};",
            f"const ORDER = {list(ORDER)};",
            "const MX = window.genapp.mechanics;",
        )
    )
    return "\n".join([maths(), known, *(_text(f"{name}.js") for name in PARTS), _text("widget.js")])


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
