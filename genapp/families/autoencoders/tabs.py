"""What the three tabs share: models, numbers and pictures by name. No torch is imported here."""

import functools
import html
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from genapp import checkpoints, service
from genapp.errors import UserError
from genapp.families.autoencoders import plots
from genapp.families.autoencoders.atlas import Atlas
from genapp.families.autoencoders.spec import B_AXIS, HERE
from genapp.spec import resolve
from genapp.ui import parts

log = logging.getLogger(__name__)

FAMILY = "autoencoders"
PIXELS = 784
LEGIBLE = (2, 5, 4, 2, 2, 3, 3, 0, 5, 5)  # of the shelf's ten digits per class
VAES = {b: f"vae-dense-b{b:g}" for b in B_AXIS}
F = TypeVar("F", bound=Callable[..., Any])


def part(name: str) -> Any:
    """Something of this family by ``module:name``, imported (with torch) on first use."""
    return resolve(f"{HERE}.{name}")


def call(name: str, *args: Any, **more: Any) -> Any:
    """A function of this family, called."""
    return part(name)(*args, **more)


def model(name: str) -> service.Loaded:
    """A checkpoint, ready to run; raises :class:`UserError` if it is missing."""
    return service.models.get(FAMILY, name)


def atlas(name: str) -> Atlas:
    """What a checkpoint knows about its code space."""
    return call("live:atlas_of", model(name))  # type: ignore[no-any-return]


def metrics(name: str) -> Mapping[str, Any]:
    """Held-out numbers of a checkpoint; empty where it is missing or unreadable."""
    folder = checkpoints.find(FAMILY).get(name)
    try:
        return checkpoints.read_meta(folder).metrics if folder else {}
    except UserError as error:
        log.warning("%s", error)
        return {}


def metric(name: str, *path: str) -> float:
    """One number of :func:`metrics`, or NaN (shown as a dash) where there is none."""
    found: Any = metrics(name)
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else float("nan")


def here(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that are on this machine; raises :class:`UserError` if none is."""
    names, found = list(names), checkpoints.find(FAMILY)
    there = [name for name in names if name in found]
    if not there:
        raise UserError(
            f"None of the networks {', '.join(names)} is on this machine",
            "train one on the Train page.",
        )
    return there


@dataclass(frozen=True, slots=True)
class Seen:
    """Pictures as a model sees them."""

    mu: NDArray[np.float32]  # (N, d)
    sigma: NDArray[np.float32]  # (N, d), zero for a plain autoencoder
    back: NDArray[np.uint8]  # (N, 28, 28) the reconstruction at μ
    error: NDArray[np.float32]  # (N,) Σ(x − x̂)², pixels in 0…1


def see(name: str, images: NDArray[np.uint8]) -> Seen:
    """Encodes and reconstructs uint8 (N, 28, 28)."""
    rows = service.live(FAMILY, name, "encode", images.reshape(-1, PIXELS).astype(np.float32))
    d = (rows.shape[1] - PIXELS - 1) // 2
    back = np.rint(rows[:, 2 * d : -1]).astype(np.uint8).reshape(-1, 28, 28)
    return Seen(rows[:, :d], rows[:, d : 2 * d], back, rows[:, -1])


def shelf() -> Any:
    """Digits and intruders to try things on: :class:`genapp.data.shelf.Shelf`."""
    return resolve("genapp.data.shelf:shelf")()


def ten() -> NDArray[np.uint8]:
    """(10, 28, 28): one legible digit of each class from the shelf."""
    return shelf().digits[[10 * c + k for c, k in enumerate(LEGIBLE)]]  # type: ignore[no-any-return]


def panel(value: str = "", **more: Any) -> gr.HTML:
    """A ``gr.HTML`` that can show what ``plots`` draws."""
    return gr.HTML(
        value, css_template=plots.CSS, js_on_load=plots.JS, apply_default_css=False, **more
    )


def cards(names: Iterable[str]) -> None:
    """The checkpoints' cards, folded, one at a time."""
    names = list(names)
    with gr.Accordion("Model cards", open=False):
        name = gr.Dropdown(names, value=names[0], label="Checkpoint")
        shown = gr.Markdown(parts.card_of(FAMILY, names[0]))
        name.change(
            card_of, name, shown, show_progress="hidden", queue=False, api_visibility="private"
        )


def card_of(name: str) -> str:
    """A checkpoint's card as Markdown."""
    return parts.card_of(FAMILY, name)


def in_words(draw: F) -> F:
    """``draw`` returns HTML; what a person can mend is shown in words in its place."""

    @functools.wraps(draw)
    def drawn(*args: Any) -> Any:
        try:
            return draw(*args)
        except UserError as error:
            return plots.trouble(str(error))
        except Exception:
            log.exception("%s failed on %r", draw.__name__, args)
            what = UserError("This picture can't be drawn", "the log holds the details.")
            return plots.trouble(str(what))

    return drawn  # type: ignore[return-value]


def mended(draw: F) -> F:
    """For the HTTP API: a UserError becomes the reply's error text."""

    @functools.wraps(draw)
    def answered(*args: Any, **more: Any) -> Any:
        try:
            return draw(*args, **more)
        except UserError as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from error

    return answered  # type: ignore[return-value]
