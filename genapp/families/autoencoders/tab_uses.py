"""What an autoencoder is good for: squeeze a digit, clean it, spot the odd one; and its defects."""

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from genapp.data import images
from genapp.errors import UserError
from genapp.families.autoencoders import defect_views, odd_views, tabs, use_views
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.widgets.digit_canvas.widget import digit_canvas, pixels

TASKS = [("Squeeze", "squeeze"), ("Clean", "clean"), ("Spot the odd one", "odd")]
NOISES = [
    ("Gaussian", "gaussian"),
    ("salt and pepper", "salt-pepper"),
    ("mask", "mask"),
    ("lines", "lines"),
]
WIDTHS = ("ae-dense-2", "ae-dense-8", "ae-dense-32", "ae-dense-64", "ae-conv", "ae-no-ones")
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
LIVE = {**QUIET, "trigger_mode": "always_last", "concurrency_id": "model"}
WORKS = r"""
**An autoencoder** learns to copy its input through a waist of $h$ numbers:
$784 \to 256 \to 128 \to h \to 128 \to 256 \to 784$, ReLU between, nothing at the end, mean squared
error. It cannot copy, so it must find what digits have in common.

**Beside PCA.** With *linear* layers the best such net spans the first $h$ principal axes. The
curve shows what the non-linear layers add: much at $h = 2$, little at $h = 64$.

**Squared error or cross-entropy?** All nets here minimise squared error, and their outputs are
clamped to 0…1 before they are shown. With a sigmoid at the end one can minimise binary
cross-entropy $-\sum x \ln \hat x + (1 - x) \ln (1 - \hat x)$ instead: the optimum is the same mean
picture, but an over-sure pixel costs far more, so strokes come out greyer. Errors of the two are
not comparable. (Foster's text says *root* mean squared error; his code is the mean squared error.)

**Cleaning.** The net of 64 numbers saw digits with Gaussian noise, $\sigma \sim U(0, 0.8)$, and had
to return the clean ones. It never saw masks or lines. PSNR is $-10 \log_{10}$ of the mean squared
error. Total variation (Chambolle 2004) is told how strong the noise is, the net is not.

**The odd one.** What a net has not learnt to draw comes back wrong: the squared error is a score
of strangeness. The threshold is a percentile of held-out digits, so its false-alarm rate is known
beforehand. AUC is the chance that a random intruder scores higher than a random digit.

*Sources:* Vincent et al. 2008 (denoising); Foster, *Generative Deep Learning*, ch. 3.
"""


def build(context: Context) -> None:
    """Lays out the tab."""
    parts.story(
        "Force a picture through a few numbers and back. What survives tells what the network has "
        "understood: enough to shrink, to clean, and to notice what does not belong.",
        "draw a digit, then a letter: the digit comes back, the letter turns the lamp red.",
    )
    task = gr.Radio(TASKS, value="squeeze", label="What for?")
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            sheet = digit_canvas(shelf=shelf, start=3)
        with gr.Column(scale=7, min_width=320):
            with gr.Row(visible=False, elem_id="clean-knobs") as clean_knobs:
                kind = gr.Dropdown(NOISES, value="gaussian", label="Noise", min_width=150)
                level = gr.Slider(0, 1, 0.4, step=0.05, label="How much", min_width=150)
                seed = gr.Number(
                    0, label="Seed", minimum=0, maximum=2**31 - 1, precision=0, min_width=90
                )
            with gr.Row(visible=False, elem_id="odd-knobs") as odd_knobs:
                net = gr.Dropdown(list(WIDTHS), value="ae-dense-32", label="Network", min_width=150)
                cut = gr.Slider(
                    50, 99.5, 95, step=0.5, min_width=180,
                    label="Threshold, percentile of held-out digits",
                )  # fmt: skip
            result = tabs.panel(elem_id="uses-result")
    asked = [task, sheet, kind, level, seed, net, cut]
    sheet.input(show, asked, result, **LIVE)  # type: ignore[attr-defined]
    for component in (task, kind, level, seed, net, cut):
        component.change(show, asked, result, **LIVE)  # type: ignore[attr-defined]
    task.change(knobs, task, [clean_knobs, odd_knobs], queue=False, **QUIET)
    context.share(task=task, noise=kind, level=level, seed=seed, net=net, cut=cut)
    _defects()
    _conv()
    parts.how_it_works(WORKS)
    tabs.cards((*WIDTHS, "ae-denoise"))
    _api()


def _defects() -> None:
    """LAT-09, folded."""
    with gr.Accordion("Three defects of an autoencoder's latent space", open=False) as fold:
        with gr.Row():
            net = gr.Dropdown(list(defect_views.NETS), value="ae-dense-2", label="Network")
            extent = gr.Slider(0.5, 15, 1.5, step=0.5, label="Grid from −e to e on both axes")
        shown = tabs.panel(elem_id="defects")
        asked = [net, extent]
        fold.expand(defect_views.defects, asked, shown, **LIVE)
        net.input(defect_views.defects, asked, shown, **LIVE)
        extent.input(defect_views.defects, asked, shown, **LIVE)


def _conv() -> None:
    """LAT-03, folded."""
    with gr.Accordion("Foster's convolutional autoencoder, digit by digit", open=False) as fold:
        shown = tabs.panel(elem_id="conv")
        fold.expand(use_views.conv, None, shown, **LIVE)


def shelf() -> list[tuple[str, NDArray[np.uint8], str]]:
    """Ten digits and a few intruders for the sheet's shelf."""
    found = tabs.shelf()
    rows = [(f"Take one: {found.source}", x, f"A {c}") for c, x in enumerate(tabs.ten())]
    strange = enumerate(found.intruders[:6], 1)
    return rows + [("… or an intruder", x, f"{found.kind} {k}".capitalize()) for k, x in strange]


def knobs(task: str) -> tuple[gr.Row, gr.Row]:
    """Only the chosen task's controls are in sight."""
    return gr.Row(visible=task == "clean"), gr.Row(visible=task == "odd")


@dataclass(frozen=True, slots=True)
class Asked:
    """The tab's controls, in their order."""

    task: str
    drawn: object
    kind: str
    level: float
    seed: int | None
    net: str
    cut: float


@tabs.in_words
def show(*values: Any) -> str:
    """The chosen task on whatever is on the sheet."""
    asked = Asked(*values)
    picture = pixels(asked.drawn)
    if asked.task == "clean":
        return use_views.clean(picture, asked.kind, float(asked.level), int(asked.seed or 0))
    if asked.task == "odd":
        return odd_views.odd(picture, asked.net, float(asked.cut))
    return use_views.squeeze(picture)


# --- the HTTP API -------------------------------------------------------------------------------


def _api() -> None:
    """Two endpoints; their inputs are components that no page shows."""
    image = gr.File(visible=False, type="binary", label="image")
    grey = gr.JSON(visible=False, label="pixels")
    name = gr.Textbox("ae-dense-32", visible=False, label="checkpoint")
    noise = gr.Textbox("gaussian", visible=False, label="noise")
    level = gr.Number(0.4, visible=False, label="level")
    seed = gr.Number(0, visible=False, label="seed", precision=0)
    reply = gr.JSON(visible=False, label="reply")
    button = gr.Button(visible=False)
    button.click(
        encode_digit, [image, grey, name], reply, api_name="encode_digit", concurrency_id="model"
    )
    button.click(
        denoise_digit, [image, grey, noise, level, seed], reply,
        api_name="denoise_digit", concurrency_id="model",
    )  # fmt: skip


@tabs.mended
def encode_digit(
    image: bytes | None = None, grey: list | None = None, checkpoint: str = "ae-dense-32"
) -> dict:
    """A digit's code, and what comes back from it.

    Args:
        image: a picture file of one digit, any size, dark on light or light on dark; or None.
        grey: instead of a file: 28×28 (or 784) grey values 0…255, white ink on black.
        checkpoint: which network, e.g. "ae-dense-2", "ae-dense-32", "vae-dense-b0.784".

    Returns:
        {"code": d numbers, "sigma": d numbers (zeros for a plain autoencoder), "input" and
        "reconstruction": 28×28 grey values, "error": squared error with pixels in 0…1,
        "percentile": share of held-out digits with a smaller error}.
    """
    picture = digit_of(image, grey)
    seen = tabs.see(str(checkpoint), picture[None])
    return {
        "code": seen.mu[0].tolist(),
        "sigma": seen.sigma[0].tolist(),
        "input": picture.tolist(),
        "reconstruction": seen.back[0].tolist(),
        "error": float(seen.error[0]),
        "percentile": use_views.percentile(str(checkpoint), float(seen.error[0])),
    }


@tabs.mended
def denoise_digit(
    image: bytes | None = None,
    grey: list | None = None,
    noise: str = "gaussian",
    level: float = 0.4,
    seed: int = 0,
) -> dict:
    """Spoils a digit, cleans it by the network and by three classic filters.

    Args:
        image: a picture file of one digit, any size; or None.
        grey: instead of a file: 28×28 (or 784) grey values 0…255, white ink on black.
        noise: gaussian, salt-pepper, mask or lines; with level 0 nothing is spoilt.
        level: 0 to 1: σ, share of pixels, share of the area, or tenths of ten strokes.
        seed: of the noise.

    Returns:
        {"noisy": 28×28, "outputs": {method: 28×28}, "psnr": {"noisy" or method: dB}}.
    """
    if not isinstance(level, int | float) or not math.isfinite(level):
        raise UserError(f"Noise level is {level!r}", "give a number from 0 to 1.")
    if not isinstance(seed, int | float) or not 0 <= seed < 2**63:
        raise UserError(f"Seed is {seed!r}", "give a whole number of 0 or more.")
    picture = digit_of(image, grey)
    found = tabs.call(
        "uses:denoise", tabs.model("ae-denoise"), picture, str(noise), float(level), int(seed)
    )
    return {
        "noisy": found.noisy.tolist(),
        "outputs": {name: x.tolist() for name, x in found.outputs.items()},
        "psnr": found.psnr,
    }


def digit_of(image: bytes | None, grey: object) -> NDArray[np.uint8]:
    """A file's bytes or grey values → uint8 (28, 28); :class:`UserError` for anything else."""
    if image:
        return images.to_digit(images.open_image(image))
    if grey is None:
        raise UserError("There is no picture", "give a file, or 28×28 grey values.")
    try:
        values = np.asarray(grey, np.float64)
    except (TypeError, ValueError):
        raise UserError(
            "The grey values are not numbers", "give 28 rows of 28, 0 to 255."
        ) from None
    if values.size != tabs.PIXELS or values.shape not in {(28, 28), (784,)}:
        raise UserError(f"The grey values have shape {values.shape}", "give 28 rows of 28.")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        raise UserError(
            "The grey values leave 0…255, or hold NaN", "give finite numbers from 0 to 255."
        )
    return np.rint(values.reshape(28, 28)).astype(np.uint8)
