"""Request dataclass → plain widgets → request dataclass.

Names, ranges and help texts live in the request alone; a tab lays out the widgets where it wants
them and hands their values back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import gradio as gr

from genapp.spec import Param, params


def widget(request: type, name: str, **overrides: Any) -> gr.components.Component:
    """The widget for field ``name``: a slider, number, menu, text box or checkbox."""
    about = params(request)[name]
    default = next(f.default for f in fields(request) if f.name == name)
    return _component(about, default, overrides)


def widgets(request: type, names: Iterable[str]) -> dict[str, gr.components.Component]:
    """Widgets for several fields, in order, by name."""
    return {name: widget(request, name) for name in names}


def _component(about: Param, default: Any, overrides: dict[str, Any]) -> gr.components.Component:
    common: dict[str, Any] = {
        "value": default,
        "label": about.label,
        "info": about.help or None,
        **overrides,
    }
    if isinstance(default, bool):
        return gr.Checkbox(**common)
    if isinstance(default, str):
        if about.choices:
            return gr.Dropdown(choices=list(about.choices), **common)
        return gr.Textbox(max_length=about.max_length, **common)
    if about.step is not None:
        limits: dict[str, Any] = {"minimum": about.low, "maximum": about.high, "step": about.step}
        return gr.Slider(**limits, **common)
    precision = 0 if isinstance(default, int) else None
    return gr.Number(minimum=about.low, maximum=about.high, precision=precision, **common)


def request_from(request: type, names: Sequence[str], values: Sequence[Any], **more: Any) -> Any:
    """An instance of ``request`` from widget values in the order of ``names``."""
    return request(**dict(zip(names, values, strict=True)), **more)
