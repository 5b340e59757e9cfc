"""What the sub-tabs share: the models there are, asking one, and errors in words."""

import functools
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from genapp import checkpoints, service
from genapp.errors import UserError
from genapp.families.bert.spec import PRESETS
from genapp.service import Failure
from genapp.spec import resolve
from genapp.ui import parts
from genapp.ui.context import Context

FAMILY = "bert"
DEFAULT = "bert-mini"
HOME = "genapp.families.bert"
CSS = Path(__file__).with_name("tab.css").read_text("utf-8")
HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
LIVE: dict[str, Any] = {**HIDDEN, "trigger_mode": "always_last"}


def models() -> list[tuple[str, str]]:
    """(title, checkpoint) of every BERT there is."""
    names = checkpoints.find(FAMILY)
    return [(PRESETS[n].title if n in PRESETS else n, n) for n in names]


def loaded(model: str) -> Any:
    """The model behind a checkpoint's name; raises :class:`UserError` if there is none."""
    return service.models.get(FAMILY, model or DEFAULT)


def call(what: str, model: str, *arguments: Any, **more: Any) -> Any:
    """``call("generate:follows", model, pairs)``: a function of this family on a loaded model."""
    return resolve(f"{HOME}.{what}")(loaded(model), *arguments, **more)


def told(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with a :class:`UserError` as a message in the corner of the page."""

    @functools.wraps(function)
    def handler(*arguments: Any, **more: Any) -> Any:
        try:
            return function(*arguments, **more)
        except UserError as error:
            parts.unless_failed(Failure(str(error)))

    return handler


def on_open(
    ctx: Context, function: Callable[..., Any], outputs: Any, failed: Callable[[str], Any],
    **inputs: Any,
) -> None:  # fmt: skip
    """Runs ``function`` on the inputs when the page opens, with the values of the link where it
    names any: those reach the components only after this has run.

    What can't be shown is told by ``failed(words)``; a bad link falls back to the page's own.
    """

    def opened(request: gr.Request, *values: Any) -> Any:
        query = dict(request.query_params)
        keys = [f"{ctx.tab}.{name}" for name in inputs]
        linked = [_like(v, query.get(k)) for k, v in zip(keys, values, strict=True)]
        try:
            return function(*linked)
        except UserError as error:
            if linked == list(values):
                return failed(str(error))
            gr.Warning(html.escape(str(error)))
        try:
            return function(*values)
        except UserError as error:
            return failed(str(error))

    ctx.on_open(opened, outputs, list(inputs.values()))


def _like(value: Any, text: str | None) -> Any:
    """``text`` in the type of ``value``, or ``value`` where there is none or it doesn't fit."""
    if text is None:
        return value
    if isinstance(value, bool):
        return text == "true"
    if isinstance(value, int | float):
        try:
            return min(max(float(text), 0), 2**31 - 1)
        except ValueError:
            return value
    return text[:4_000]


def panel(elem_id: str, value: str = "") -> gr.HTML:
    """A place for HTML in the tab's style."""
    return gr.HTML(value, elem_id=elem_id, css_template=CSS, apply_default_css=False)


def bar(name: str, p: float, kind: str = "") -> str:
    """A probability with its name."""
    return (
        f'<div class="bt-bar {kind}"><span>{html.escape(name)}</span>'
        f'<i style="--p: {p:.4f}"></i><span>{100 * p:.1f} %</span></div>'
    )
