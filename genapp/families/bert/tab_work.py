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


def panel(elem_id: str, value: str = "") -> gr.HTML:
    """A place for HTML in the tab's style."""
    return gr.HTML(value, elem_id=elem_id, css_template=CSS, apply_default_css=False)


def bar(name: str, p: float, kind: str = "") -> str:
    """A probability with its name."""
    return (
        f'<div class="bt-bar {kind}"><span>{html.escape(name)}</span>'
        f'<i style="--p: {p:.4f}"></i><span>{100 * p:.1f} %</span></div>'
    )
