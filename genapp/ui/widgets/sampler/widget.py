"""The sampler: how the next token is picked, with the distribution redrawn at pointer speed.

The browser keeps one vector of logits and applies every filter itself (``filters.js``, the same
rules as the model's side); moving a slider asks nothing of the server. The component's value is a
dict of settings by name, an input for the handler that writes.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from genapp.spec import params

HERE = Path(__file__).parent
NAMES = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "no_repeat_ngram",
)
CODES = dict(zip("Tkpmyrafn", NAMES, strict=True))  # letters of the URL
NAMED = 256  # tokens sent with their text; penalties reorder them, the chart shows twenty


def sampler(
    request: type,
    presets: Mapping[str, Mapping[str, float]],
    share: str = "",
    names: Sequence[str] = NAMES,
    limits: Mapping[str, tuple[float, float]] | None = None,
    **about: Any,
) -> gr.HTML:
    """The widget for those of ``names`` that ``request`` has, with their ranges and help.

    ``share`` is the URL key the settings are kept under; ``limits`` narrow a slider to where it
    is of use.
    """
    known = params(request)
    start = {f.name: f.default for f in fields(request)}
    knobs = [
        {
            "name": name,
            "label": known[name].label,
            "low": (limits or {}).get(name, (known[name].low,))[0],
            "high": (limits or {}).get(name, (known[name].high,))[-1],
            "step": known[name].step or 1,
            "value": start[name],
            "help": known[name].help,
        }
        for name in names
        if name in known
    ]
    about_it = {
        "fields": knobs,
        "presets": {t: dict(p) for t, p in presets.items()},
        "share": share,
    }
    script = "\n".join((HERE / part).read_text("utf-8") for part in ("filters.js", "widget.js"))
    return gr.HTML(
        value={knob["name"]: knob["value"] for knob in knobs},  # type: ignore[arg-type]
        html_template="",
        js_on_load=f"const CONFIG = {json.dumps(about_it)};\n{script}",
        head=f"<style>{(HERE / 'widget.css').read_text('utf-8')}</style>",
        apply_default_css=False,
        distribution="",
        **about,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What the model says of the next token at one place of a text."""

    logits: np.ndarray  # (V,)
    context: Sequence[int]  # ids before, which the penalties count
    names: Mapping[int, str]  # id → text, at least of ``worth_naming``
    before: str  # the end of the text before, for the caption
    chosen: int | None = None  # the id that was taken there
    key: str = ""  # the same key twice is drawn once


def worth_naming(logits: np.ndarray, context: Iterable[int] = ()) -> list[int]:
    """Ids the chart may come to show: the likeliest, and those a penalty may move."""
    most = min(NAMED, len(logits))
    top = np.argpartition(logits, -most)[-most:]
    return sorted({*map(int, top), *context})


def show(d: Distribution) -> dict[str, Any]:
    """The update that puts ``d`` into the widget; logits travel as float32.

    One string of JSON: Gradio copies every list of a component whenever anything on the page runs.
    """
    sent = {
        "logits": base64.b64encode(np.asarray(d.logits, "<f4").tobytes()).decode(),
        "context": list(d.context),
        "ids": list(d.names),
        "texts": list(d.names.values()),
        "before": d.before,
        "chosen": d.chosen,
        "key": d.key,
    }
    return gr.update(distribution=json.dumps(sent, ensure_ascii=False))


def decode(text: str) -> dict[str, float]:
    """The settings of a shared link (``T0.8_k40``); what can't be read is left out."""
    found = {}
    for part in text.split("_"):
        try:
            found[CODES[part[:1]]] = float(part[1:])
        except (KeyError, ValueError):
            continue
    return found
