"""Two sentences as a matrix of cosines with the closest marked, and a column of scores.

Every layer's cosines travel as 16-bit numbers, so layer, IDF and rescaling turn in the browser.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

HERE = Path(__file__).parent
SCALE = 32_767


def score_lab(share: str, **about: Any) -> gr.HTML:
    """The widget. The URL keeps its switches as ``share``.layer, .idf and .rescale."""
    return gr.HTML(
        value={"data": "", "cosines": "", "before": ""},  # type: ignore[arg-type]
        html_template="",
        js_on_load="\n".join(
            (HERE / name).read_text("utf-8") for name in ("scores.js", "matrix.js", "widget.js")
        ),
        head=f"<style>{(HERE / 'widget.css').read_text('utf-8')}</style>",
        apply_default_css=False,
        share=share,
        **about,
    )


def value(now: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The widget's value, flat: Gradio copies lists and dicts inside a value at every update.

    Both pairs as :func:`genapp.ui.pages.measures_scores.compare` gives them; without ``before``
    the browser compares with the pair it showed last.
    """
    packed = (np.clip(now["cosines"], -1, 1) * SCALE).round().astype("<i2")
    return {
        "data": _json(now),
        "cosines": base64.b64encode(packed.tobytes()).decode("ascii"),
        "before": _json(before) if before else "",
    }


def _json(pair: Mapping[str, Any]) -> str:
    kept = {k: v for k, v in pair.items() if k != "cosines"}
    return json.dumps(kept, ensure_ascii=False)
