"""The live latent pad: drag a point on a map of codes and a decoder draws it, sixty times a second.

One pad, or two that share a cursor (an autoencoder and its variational twin). Frames travel over
``ui/live.py``; the family needs the live operations

- ``decode``  (B, d) codes → uint8 (B, H, W) or (B, H, W, 3), B up to 400;
- ``encode``  (B, 784) grey values in 0…255 → float32 (B, 2d + 784 + 1): μ, σ, the reconstruction in
  0…255, the squared error. Only with ``encoder=True``.

The page's own scripts reach the widget as ``element.latentPad``, for example to put another
checkpoint behind pad 1 while a slider moves: ``latentPad.use(1, {checkpoint, subtitle})``.
"""

import base64
import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import gradio as gr
import numpy as np

from genapp.errors import UserError
from genapp.ui import live

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
SCRIPTS = ("space", "picture", "map", "sketch", "pad", "tour", "controls", "wiring", "widget")
MAX_POINTS = 5000
MARGIN = 1.0  # codes are kept up to one box beyond the box
DIGITS = tuple("0123456789")


class Atlas(Protocol):
    """What the map needs to know of a checkpoint's code space; N codes of held-out pictures."""

    @property
    def codes(self) -> np.ndarray:
        """(N, d)"""

    @property
    def labels(self) -> np.ndarray:
        """(N,) uint8: an index into ``classes``; anything beyond is a class nobody gave."""

    @property
    def box(self) -> np.ndarray:
        """(2, d): lowest and highest value of each dimension the map shows."""


def latent_pad(
    *,
    family: str,
    checkpoints: Sequence[tuple[str, str, str]],
    atlas: Callable[[str], Atlas],
    classes: Sequence[str] = DIGITS,
    ground: Literal["points", "mosaic", "both"] = "both",
    encoder: bool = True,
    prefix: str = "",
    elem_id: str = "latent-pad",
) -> gr.HTML:
    """The widget for one or two ``checkpoints``, each ``(name, title, subtitle)``.

    ``atlas`` gives a checkpoint's :class:`Atlas` by name and may raise :class:`UserError`; it is
    called when a page opens, never while the page is built. Twins need codes of equal length.
    The query string keeps the cursor as ``{prefix}z`` and the background as ``{prefix}bg``.
    """
    if not 1 <= len(checkpoints) <= 2:
        raise ValueError(f"checkpoints has {len(checkpoints)} entries: give one or two")
    pads = [
        {"family": family, "checkpoint": name, "title": title, "subtitle": subtitle}
        for name, title, subtitle in checkpoints
    ]

    def points(request: dict[str, Any]) -> dict[str, Any]:
        """Called by the browser; an error is words in the reply, as everywhere on the live path."""
        try:
            return pack_atlas(atlas(str(request["checkpoint"])), classes)
        except UserError as error:
            return {"error": str(error)}
        except Exception:
            log.exception("no atlas of %s for %r", family, request)
            return {"error": "The map can't be read — the log holds the details."}

    return gr.HTML(
        html_template=_text("widget.html"),
        css_template=_text("widget.css"),
        js_on_load=_script(),
        head=live.head(),
        server_functions=[points],
        apply_default_css=False,
        elem_id=elem_id,
        label="Latent pad",
        show_label=False,
        pads=pads,
        ground=ground,
        encoder=encoder,
        prefix=prefix,
    )


def pack_atlas(atlas: Atlas, classes: Sequence[str]) -> dict[str, Any]:
    """The atlas as JSON: codes as uint16 over the box and one box around it, base64, row by row."""
    low, high = np.asarray(atlas.box, np.float64)
    span = np.maximum(high - low, 1e-6)
    codes = np.asarray(atlas.codes[:MAX_POINTS], np.float64)
    share = ((codes - low) / span + MARGIN) / (1 + 2 * MARGIN)
    packed = (share.clip(0, 1) * 65535).round().astype("<u2")
    labels = np.asarray(atlas.labels[:MAX_POINTS], np.uint8)
    return {
        "low": low.tolist(),
        "high": (low + span).tolist(),
        "codes": _base64(packed),
        "labels": _base64(labels),
        "classes": list(classes),
    }


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


@cache
def _script() -> str:
    """All scripts in one function scope, so that two widgets on a page share no names."""
    parts = [_text(f"{name}.js") for name in SCRIPTS]
    return "\n".join([*parts, "openLatentPad(element, props, server);"])


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
