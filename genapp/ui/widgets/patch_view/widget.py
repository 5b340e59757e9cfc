"""A picture cut into patches: the grid, the row of tokens, where a patch looks, two lessons.

Cutting, regrouping and blending happen in the browser. The weights of one pass travel in the value,
16 bits each, the heads' mean of every layer: 65 tokens and six layers are 50 kB. What two contexts
do to one patch is asked of the server function ``two_contexts``.
"""

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

HERE = Path(__file__).parent
SCRIPTS = ("maths", "paint", "lessons", "widget")
SCALE = 65_535


def patch_view(two_contexts: Callable[[dict[str, Any]], dict[str, Any]], **about: Any) -> gr.HTML:
    """The widget. ``two_contexts`` answers ``{"picture", "patch"}`` with ``{"rows": [...]}``, each
    ``{"name", "here", "there", "apart"}``, or with ``{"error"}``. ``share`` is its key in the URL.
    """
    return gr.HTML(
        html_template="",
        js_on_load="\n".join(text(f"{name}.js") for name in SCRIPTS),
        head=f"<style>{text('widget.css')}</style>",
        server_functions=[two_contexts],
        apply_default_css=False,
        label="Patches",
        **about,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A picture and one pass over it."""

    source: str  # what names the picture to the server
    image: str  # URI of its 256 × 256 pixels
    other: str  # URI of the picture that is the second context
    words: str  # said of the network below the picture
    weights: np.ndarray | None = None  # (L, T, T); None without a model
    side: int = 8  # patches along a side of the network's own cut
    extra: int = 1  # tokens in front of them


def value(cut: Cut) -> dict[str, str]:
    """The widget's value. Strings only: Gradio copies what is nested at every update."""
    data = {
        "image": cut.image, "other": cut.other, "N": cut.side, "extra": cut.extra,
        "words": cut.words, "layers": 0 if cut.weights is None else len(cut.weights),
    }  # fmt: skip
    weights = np.zeros(0) if cut.weights is None else np.clip(cut.weights, 0, 1) * SCALE
    return {
        "run": secrets.token_hex(4),
        "source": cut.source,
        "data": json.dumps(data),
        "weights": base64.b64encode(weights.round().astype("<u2").tobytes()).decode("ascii"),
    }


@cache
def text(name: str) -> str:
    """One of this folder's files."""
    return (HERE / name).read_text(encoding="utf-8")
