"""What a family says about itself, in plain dataclasses: no torch, no gradio.

A family's ``spec.py`` builds one :class:`FamilySpec`. Its heavy parts (model, generator, recipe,
tabs) are dotted names such as ``"genapp.families.gpt.model:build"`` that :func:`resolve` imports
on first use, so listing families and building the page stay cheap.
"""

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from genapp.errors import UserError

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One request field as a person sees it: a slider, a number, a menu, a text box or a switch."""

    label: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int | None = None  # characters, for text
    help: str = ""


def param(default: Any, label: str, **about: Any) -> Any:
    """A dataclass field that carries its :class:`Param`."""
    return field(default=default, metadata={"param": Param(label=label, **about)})


def params(request: Any) -> dict[str, Param]:
    """Field name → :class:`Param` of a request class or instance."""
    return {f.name: f.metadata["param"] for f in fields(request) if "param" in f.metadata}


def validate(request: R) -> R:
    """The same request with every field of its declared type and range.

    Raises :class:`UserError` naming the field, the value and the remedy: requests also arrive
    through the HTTP API, where a slider's limits protect nothing.
    """
    clean = {}
    for f in fields(request):  # type: ignore[arg-type]
        if "param" in f.metadata:
            value = getattr(request, f.name)
            clean[f.name] = _checked(f.metadata["param"], value, type(f.default))
    return replace(request, **clean)  # type: ignore[type-var]


def _checked(about: Param, value: Any, kind: type) -> Any:
    if kind is bool:
        if not isinstance(value, bool):
            raise UserError(f"{about.label} is {_shown(value)}", "give true or false.")
        return value
    if kind is str:
        return _checked_text(about, value)
    return _checked_number(about, value, kind)


def _checked_text(about: Param, value: Any) -> str:
    if not isinstance(value, str):
        raise UserError(f"{about.label} is {_shown(value)}", "give text.")
    if about.choices and value not in about.choices:
        raise UserError(
            f"{about.label} {_shown(value)} is unknown",
            f"choose one of {', '.join(about.choices)}.",
        )
    if about.max_length is not None and len(value) > about.max_length:
        raise UserError(
            f"{about.label} has {len(value):,} characters",
            f"keep it to {about.max_length:,} or fewer.",
        )
    return value


def _checked_number(about: Param, value: Any, kind: type) -> int | float:
    span = f"give a number from {about.low:g} to {about.high:g}."  # every number has a range
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(f"{about.label} is {_shown(value)}", span) from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise UserError(f"{about.label} is {_shown(value)}", span)
    if not about.low <= number <= about.high:  # type: ignore[operator]
        raise UserError(f"{about.label} {number:g} is out of range", span)
    if kind is int and number != int(number):
        raise UserError(f"{about.label} {number:g} is not a whole number", span)
    return kind(number)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A trainable configuration: the model's config and how long to train it where.

    ``train`` maps a scale (``"cpu"``, ``"gpu"``) to keyword arguments of
    :class:`genapp.trainer.loop.TrainConfig`.
    """

    title: str
    config: Mapping[str, Any]
    train: Mapping[str, Mapping[str, Any]]
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One tab of a page; ``build`` is a dotted ``(context) -> None`` that lays it out."""

    name: str  # in the URL: ?tab=name
    title: str
    build: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilySpec:
    """Everything the rest of the app knows of a family before it loads anything heavy."""

    name: str
    title: str
    blurb: str  # one sentence on the Home card
    page: str  # title of the page its tabs live on
    tabs: tuple[Tab, ...]
    presets: Mapping[str, Preset]
    request: type  # frozen dataclass; field ``checkpoint`` names the weights
    model: str  # (config: Mapping) -> nn.Module
    generate: str  # (loaded: service.Loaded, request) -> Iterator[frame]
    recipe: str  # (preset: str, config: TrainConfig, data: Path | None) -> trainer.loop.Task
    thumbnail: str  # (load: Callable[[str], Loaded]) -> PNG/JPEG/WebP bytes for the Home card
    own_data: str = ""  # "text" or "images": what a person may train it on
    live: Mapping[str, str] = field(default_factory=dict)  # op → (loaded, float32 array) -> array
    attention: str = ""  # (loaded, text: str, options: Mapping) -> list[genapp.attention.Maps]
    attends: tuple[str, ...] = ()  # presets that have any attention to show; all, if left out
    sees: str = "text"  # what ``attention`` reads: "text", or "picture" (a name or a data URI)


def resolve(dotted: str) -> Any:
    """``"package.module:name"`` → the object, imported now."""
    module, _, name = dotted.partition(":")
    return getattr(importlib.import_module(module), name)
