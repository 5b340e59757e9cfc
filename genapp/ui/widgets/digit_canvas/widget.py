"""A sheet to draw a digit on, with a shelf of ready-made pictures below it.

Its value is the picture as a digit network wants it: 28×28 grey values, white ink on black, as
base64 of 784 bytes (:func:`pixels` reads it). It changes while one draws, and fires ``input``. The
drawing itself is the latent pad's.
"""

import base64
import binascii
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from genapp.errors import UserError
from genapp.ui.widgets import latent_pad

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
PAD = Path(latent_pad.__file__).parent
SCRIPTS = (PAD / "space.js", PAD / "picture.js", PAD / "sketch.js", HERE / "widget.js")
SIDE = 28


def digit_canvas(
    *,
    shelf: Callable[[], list[tuple[str, NDArray[np.uint8], str]]],
    start: int = 0,
    elem_id: str = "digit-canvas",
) -> gr.HTML:
    """The widget. ``shelf`` gives ``(group, picture (28, 28), name)`` and may raise UserError.

    It is called when the sheet appears, never while the page is built; the picture at ``start`` is
    put on the sheet at once, so that whatever listens has something to show.
    """

    def pictures(_: Any = None) -> dict[str, Any]:
        """Called by the browser; an error is words in the reply."""
        try:
            rows = [{"group": g, "grey": pack(x), "name": n} for g, x, n in shelf()]
            return {"pictures": rows}
        except UserError as error:
            return {"error": str(error)}
        except Exception:
            log.exception("the shelf of pictures failed")
            return {"error": "The shelf can't be read — draw a digit instead."}

    return gr.HTML(
        value="",
        html_template=_text("widget.html"),
        css_template=_text("widget.css"),
        js_on_load=_script(),
        server_functions=[pictures],
        apply_default_css=False,
        elem_id=elem_id,
        label="Draw a digit",
        show_label=False,
        start=start,
    )


def pack(picture: NDArray[np.uint8]) -> str:
    """uint8 (28, 28) → the widget's value."""
    return base64.b64encode(np.ascontiguousarray(picture).tobytes()).decode("ascii")


def pixels(value: object) -> NDArray[np.uint8]:
    """The widget's value → uint8 (28, 28); :class:`UserError` if it is nothing of the kind."""
    if not value:
        raise UserError("The sheet is empty", "draw a digit, or take one from the shelf.")
    try:
        raw = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != SIDE * SIDE:
        raise UserError("The drawing can't be read", "clear the sheet and draw again.")
    return np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE)


@cache
def _script() -> str:
    """All scripts in one function scope, so that widgets on a page share no names."""
    parts = [path.read_text(encoding="utf-8") for path in SCRIPTS]
    return "\n".join([*parts, "openDigitCanvas(element, props, server, trigger);"])


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
