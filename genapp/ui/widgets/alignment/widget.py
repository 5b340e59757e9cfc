"""The alignment map: a row for each word written, a column for each word read, growing as it comes.

The weights travel as 16-bit numbers, all layers and heads of the rows so far; which of them are
drawn is chosen in the browser, so looking at another head asks the server nothing.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
SCALE = 65_535


def alignment(label: str, empty: str, status: str = "", **about: Any) -> gr.HTML:
    """The widget. ``empty`` is said until there is a sentence; ``status`` writing or done."""
    return gr.HTML(
        value=value((), (), np.zeros((0, 0, 0, 0)), status=status),  # type: ignore[arg-type]
        html_template="",
        js_on_load=(HERE / "widget.js").read_text("utf-8"),
        head=f"<style>{(HERE / 'widget.css').read_text('utf-8')}</style>",
        apply_default_css=False,
        label=label,
        empty=empty,
        **about,
    )


def value(
    source: Sequence[str],
    pieces: Sequence[str],
    weights: NDArray[Any],
    tops: Sequence[Sequence[tuple[str, float]]] = (),
    *,
    vector: NDArray[Any] | None = None,
    run: str = "",
    status: str = "",
    note: str = "",
    settings: Mapping[str, Any] | None = None,
    ghost: Sequence[Sequence[int]] = (),
    **more: Any,
) -> dict[str, Any]:
    """The map's value, flat: Gradio copies lists and dicts inside a value at every update.

    ``weights`` is (pieces, layers, heads, source); no layer where a model has no attention, and
    then ``vector``, all that its decoder knows of the sentence, is drawn instead. "▁" begins a
    word. ``tops`` are the likeliest (piece, p) behind each piece. A new ``run`` clears the choice
    of a row. ``ghost`` outlines what is expected: [first row, last row, first column, last column].
    """
    packed = (np.clip(weights, 0, 1) * SCALE).round().astype("<u2")
    likely = [[[piece, round(float(p), 4)] for piece, p in step] for step in tops]
    state = [] if vector is None else [round(float(v), 3) for v in vector]
    shown = {
        "source": list(source), "pieces": list(pieces), "layers": weights.shape[1],
        "heads": weights.shape[2], "tops": likely, "vector": state, "settings": settings or {},
        "ghost": [list(span) for span in ghost],
    }  # fmt: skip
    return {
        "data": json.dumps(shown, ensure_ascii=False),
        "weights": base64.b64encode(packed.tobytes()).decode("ascii"),
        "run": run,
        "status": status,
        "note": note,
        **more,
    }
