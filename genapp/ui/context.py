"""What a tab's ``build`` receives: where it is, and the URL as the memory of its controls."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True, slots=True)
class Context:
    """The page a tab is laid out on. ``tab`` prefixes its keys in the query string."""

    demo: gr.Blocks
    page: str
    tab: str

    def share(self, **components: gr.components.Component) -> None:
        """Keeps each component's value in the URL and restores it when the link is opened.

        A value that a link can't hold (unknown choice, not a number) leaves the default alone.
        """
        keys = {f"{self.tab}.{name}": component for name, component in components.items()}
        for key, component in keys.items():
            component.change(  # type: ignore[attr-defined]
                None, component, None, js=_REMEMBER % (key, _literal(component.value))
            )

        def restore(request: gr.Request) -> list[Any]:
            query = dict(request.query_params)
            values = [_parse(c, query[key]) if key in query else None for key, c in keys.items()]
            values = [gr.skip() if value is None else value for value in values]
            return values if len(values) > 1 else values[0]  # type: ignore[return-value]

        self.on_open(restore, list(components.values()))

    def linked(self, request: gr.Request, **components: gr.components.Component) -> dict[str, Any]:
        """What the opened link holds for these components, for a result to begin with."""
        query = dict(request.query_params)
        found = {n: _parse(c, query.get(f"{self.tab}.{n}", "")) for n, c in components.items()}
        return {n: v for n, v in found.items() if v is not None and f"{self.tab}.{n}" in query}

    def on_open(self, function: Callable[..., Any], outputs: Any, inputs: Any = None) -> None:
        """Runs ``function`` when a visitor opens the page."""
        self.demo.load(function, inputs, outputs, show_progress="hidden", api_visibility="private")


_REMEMBER = "(value) => { window.genapp.url.set('%s', value, %s); }"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, str | int | float) else "null"


def _parse(component: gr.components.Component, text: str) -> Any:
    """``text`` as a value of ``component``, or None if it isn't one."""
    if isinstance(component, gr.Checkbox):
        return text == "true"
    if isinstance(component, gr.Slider | gr.Number):
        return _number(component, text)
    if isinstance(component, gr.Dropdown | gr.Radio):
        return text if any(text == value for _, value in component.choices or []) else None
    if isinstance(component, gr.Textbox):
        return text[: component.max_length or 2000]
    return None


def _number(component: gr.Slider | gr.Number, text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    low, high = component.minimum, component.maximum
    inside = (low is None or value >= low) and (high is None or value <= high)
    if not (math.isfinite(value) and inside):
        return None
    return int(value) if value == int(value) else value


def choices(found: Mapping[str, Any], default: str) -> tuple[list[str], str]:
    """Checkpoint names for a menu and the one to start with."""
    names = list(found)
    return names, default if default in names else (names[0] if names else default)
