"""The attention viewer: who looks at whom, for words and for patches, on a canvas.

Two kinds of value feed it:

- :func:`value` for a pass that stands on the server's shelf (``ui/live_attention.py``). The browser
  asks for one layer at a time, a byte a weight, and for the exact row under the pointer.
- :func:`inline` for one matrix that travels in the value itself, as a translator's heatmap does. A
  handler yields it again with one row more for every word produced; the focus stays where it was.

The widget fires ``select`` when a token is locked (query ``event.index`` of map ``event.map``) and,
if ``editable``, ``intervene`` with ``event.changes``: JSON of ``{"hide": [...], "swap": {...},
"ablate": [...]}`` as :func:`genapp.attention.changes` reads it. The handler runs the model and
returns the next value.
"""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from genapp.attention import MASKS, Maps, Side
from genapp.attention_flow import FLOW_TOKENS
from genapp.ui import live_attention

HERE = Path(__file__).parent
SCRIPTS = (
    "source", "colour", "mix", "matrix", "lines", "grid", "overlay", "row", "save", "words", "act",
    "controls", "versus", "widget", "wiring",
)  # fmt: skip
MIXES = {"mean": -1, "max": -2}  # in place of a head's number


def attention_view(
    start: Mapping[str, str] | None = None,
    *,
    share: str = "",
    editable: bool = False,
    elem_id: str = "attention-view",
    **about: Any,
) -> gr.HTML:
    """The widget. ``start`` is its first value; ``share`` the URL key its state is kept under;
    ``editable`` offers the interventions, which need a handler for ``intervene``.
    """
    return gr.HTML(
        value=dict(start or {}),  # type: ignore[arg-type]
        html_template=_text("widget.html"),
        css_template=_text("widget.css"),
        js_on_load=_script(),
        apply_default_css=False,
        label="Attention",
        elem_id=elem_id,
        share=share,
        editable=editable,
        **about,
    )


def value(
    maps: Sequence[Maps],
    *,
    see: Mapping[str, Any] | None = None,
    changes: str = "",
    asked: str = "",
    other: Sequence[Maps] = (),
    other_name: str = "",
) -> dict[str, str]:
    """The value for a pass, which goes onto the shelf, and of another to be held against it.

    ``see`` sets the widget's state, by the names of :func:`look`; what it leaves out stays as the
    visitor had it. ``changes`` are the interventions behind this pass. ``asked`` comes back when
    the widget is a handler's input. Strings only: Gradio copies what is nested at every update.
    """
    return {
        "run": secrets.token_hex(4),
        "key": live_attention.keep(maps),
        "maps": json.dumps([_described(m) for m in maps], ensure_ascii=False),
        "see": json.dumps(see) if see is not None else "",
        "changes": changes,
        "asked": asked,
        "other": live_attention.keep(other) if other else "",
        "otherMaps": json.dumps([_described(m) for m in other], ensure_ascii=False),
        "otherName": other_name,
    }


def look(
    *,
    layer: int = 0,
    head: int | str = 0,
    view: str = "matrix",
    lock: tuple[int, int] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What a value's ``see`` holds: layer and head from 0 (or "mean", "max"), the view, and the
    locked (query, key), key −1 for a whole row. ``more``: map, specials, cut, minus, kind.
    """
    locked = None if lock is None else {"q": lock[0], "k": lock[1]}
    number = MIXES[head] if isinstance(head, str) else head
    return {"layer": layer, "head": number, "view": view, "lock": locked, **more}


def inline(
    queries: Side | Sequence[str],
    keys: Side | Sequence[str],
    weights: np.ndarray,
    *,
    kind: str = "alignment",
    title: str = "alignment",
    run: str = "",
) -> dict[str, str]:
    """The value for one matrix ``weights`` (Tq, Tk) that travels along; a row more each time.

    Before the first row ``weights`` is (0, Tk) and ``queries`` is empty. Pass the same ``run``
    while a matrix grows. Raises ``ValueError`` if shape and tokens differ.
    """
    left = queries if isinstance(queries, Side) else None
    names = tuple(left.tokens if left else queries)  # type: ignore[arg-type]
    right = keys if isinstance(keys, Side) else Side(tokens=tuple(keys))
    if np.shape(weights) != (len(names), len(right.tokens)):
        raise ValueError(
            f"weights {np.shape(weights)} for {len(names)} × {len(right.tokens)} tokens"
        )
    if kind not in MASKS:
        raise ValueError(f"kind is {kind!r}: choose one of {', '.join(MASKS)}")
    about = {
        "title": title, "kind": kind, "layers": 1, "heads": 1, "split": 0, "square": False,
        "flow": False, "gradient": False, "origins": [], "keyOrigins": [], "first": 0, "notice": "",
        "queries": _side(left) if left else {"tokens": names, "kinds": ["word"] * len(names)},
        "keys": _side(right),
    }  # fmt: skip
    raw = np.ascontiguousarray(weights, "<f4").tobytes()
    return {
        "run": run or secrets.token_hex(4),
        "key": "",
        "matrix": base64.b64encode(raw).decode(),
        "maps": json.dumps([about], ensure_ascii=False),
    }


def _described(maps: Maps) -> dict[str, Any]:
    """All that the browser needs to know of a map but its weights."""
    return {
        "title": maps.title,
        "kind": maps.kind,
        "layers": maps.layers,
        "heads": maps.heads,
        "split": maps.split,
        "square": maps.square,
        "flow": maps.square and len(maps.queries.tokens) <= FLOW_TOKENS,
        "gradient": maps.square and maps.gradient is not None,
        "origins": list(maps.origins),
        "keyOrigins": list(maps.origins if maps.square else maps.key_origins),
        "first": maps.first,
        "joint": maps.vectors is not None,
        "covers": maps.occlude is not None,
        "notice": maps.notice,
        "queries": _side(maps.queries),
        "keys": None if maps.square else _side(maps.keys),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "tokens": side.tokens,
        "kinds": side.kinds,
        "grid": side.grid,
        "image": data_url(side.image) if side.image else "",
    }


def data_url(image: bytes) -> str:
    """``image`` as ``src`` takes it."""
    kind = "png" if image.startswith(b"\x89PNG") else "webp" if image[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


@cache
def _script() -> str:
    """All scripts in one function scope, so that two widgets on a page share no names."""
    parts = [_text(f"{name}.js") for name in SCRIPTS]
    return "\n".join([*parts, "openAttentionView(element, props, trigger, watch);"])


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
