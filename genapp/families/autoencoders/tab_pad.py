"""The live latent pad: an autoencoder and its twin with a prior under one cursor."""

from collections.abc import Iterator
from typing import Any, Literal

import gradio as gr
import numpy as np

from genapp import service
from genapp.families.autoencoders import claims, pad_views, plots, tabs
from genapp.families.autoencoders.pad_views import PAIRS
from genapp.families.autoencoders.spec import SampleRequest
from genapp.ui import controls, parts
from genapp.ui.context import Context
from genapp.ui.widgets.latent_pad.widget import latent_pad

NETS = [("dense, 784-392-2-392-784", "dense"), ("convolutional, Foster's", "conv")]
DIGITS = [str(c) for c in range(10)]
SAMPLING = ("sampler", "count", "temperature")
LIVE: dict[str, Any] = {
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "model",
}
SWAP = """(net) => {
  const pairs = %s;
  const put = (tries) => {
    const pad = document.querySelector('#latent-pad .lp')?.parentElement?.latentPad;
    if (!pad?.u) return tries && setTimeout(() => put(tries - 1), 150);
    pairs[net].forEach((about, k) => pad.use(k, about));
  };
  put(60);
}"""

WORKS = r"""
**The twins** are one net, 784-392-z-392-784, trained on the same pictures for the same number of
steps. The VAE's encoder gives two numbers per dimension, $\mu$ and $\ln\sigma^2$, and its decoder
learns from a *sample* $z = \mu + \sigma\varepsilon$ with $\varepsilon \sim N(0, I)$; the
autoencoder is its $\mu$ path alone:

$$L = \sum_{\text{pixels}} (x - \hat x)^2 + b\,\mathrm{KL}, \qquad
\mathrm{KL} = \tfrac12 \sum_j \left(\mu_j^2 + \sigma_j^2 - 1 - \ln \sigma_j^2\right)$$

with $b = 0.784$ (the books' $F = 1000$) for the VAE and $b = 0$, no noise, for the autoencoder.

**Where do new codes come from?** *Prior* is $N(0, T^2 I)$, what a VAE was trained for. *Box* is
uniform where 98 % of real codes lie. *Fitted normal* and *mixture* look at the real codes first:
the first is one normal, the second ten of them, and then even an autoencoder can be sampled.
The temperature $T$ scales their spread.

**A path's longest step over its mean step** is 1 where every tenth of the way changes the picture
equally, and large where nothing happens for long and then everything at once.

**The grid** stands at $\Phi^{-1}(0.01), \dots, \Phi^{-1}(0.99)$, so that every tile has the same
probability under the prior.

*Sources:* Kingma & Welling 2013; Foster, *Generative Deep Learning*, ch. 3.
"""


def build(context: Context) -> None:
    """Lays out the tab."""
    parts.story(
        "Two decoders draw what lies under one point: an autoencoder, and the same net with a "
        "prior. Two numbers in, a digit out.",
        "drag the point across both maps: the autoencoder jumps between digits, the VAE flows.",
    )
    net = gr.Radio(NETS, value="dense", label="Networks behind both maps")
    latent_pad(
        family=tabs.FAMILY,
        checkpoints=[(pair[0], pair[1], pair[2]) for pair in pad_views.twins("dense")],
        atlas=tabs.atlas,
    )
    net.change(None, net, None, js=SWAP % pad_views.swaps())
    space = tabs.panel(elem_id="space")
    context.on_open(pad_views.space, space, net)
    net.change(pad_views.space, net, space, **LIVE)
    _walls(context, net)
    _path(context)
    gr.Markdown("## What the lecture claims and what we measured")
    tabs.panel(claims.claims(), elem_id="claims")
    parts.how_it_works(WORKS)
    tabs.cards(name for pair in PAIRS.values() for name in pair)
    context.share(net=net)
    _api()


def _walls(context: Context, net: gr.Radio) -> None:
    """Random walls with their gauges."""
    gr.Markdown("## New digits, and how honest they are")
    with gr.Row(equal_height=True):
        about: dict[str, Any] = {"min_width": 160, "info": None}
        inputs = {name: controls.widget(SampleRequest, name, **about) for name in SAMPLING}
        length = gr.Radio(["2", "16"], value="2", label="Numbers in the code", min_width=150)
        seed = gr.Number(
            7, label="Seed, −1: new", minimum=-1, maximum=2**31 - 1, precision=0, min_width=110
        )
    with gr.Row():
        again = gr.Button("New digits", variant="primary", scale=0, min_width=170)
    wall = tabs.panel(elem_id="walls")
    asked = [net, length, *inputs.values(), seed]
    context.on_open(walls, [wall, seed], asked)
    for component in (net, length, *inputs.values(), seed):
        component.change(walls, asked, [wall, seed], **LIVE)  # type: ignore[attr-defined]
    again.click(new_seed, None, seed, show_progress="hidden", api_visibility="private")
    context.share(z=length, seed=seed, **inputs)


def _path(context: Context) -> None:
    """From one digit to another, in both nets."""
    gr.Markdown("## From one digit to another")
    with gr.Row():
        start = gr.Dropdown(DIGITS, value="1", label="From a", min_width=120)
        end = gr.Dropdown(DIGITS, value="7", label="to a", min_width=120)
        kind = gr.Dropdown(
            [f"{net}, {z} numbers" for net, z in PAIRS], value="dense, 2 numbers",
            label="Networks", min_width=200,
        )  # fmt: skip
    film = tabs.panel(elem_id="path")
    asked = [kind, start, end]
    context.on_open(pad_views.walk, film, asked)
    for component in asked:
        component.change(pad_views.walk, asked, film, **LIVE)
    context.share(path=kind, start=start, end=end)


def walls(
    net: str, length: str, sampler: str, count: int, temperature: float, seed: int | None
) -> Iterator[tuple[str, int]]:
    """Both walls at once, then the same with their gauges; the seed used comes back."""
    if seed is None or seed < 0:
        seed = new_seed()
    pair = PAIRS[net, int(length)]
    names: dict[str, Any] = dict(zip(SAMPLING, (sampler, count, temperature), strict=True))
    requests = [SampleRequest(checkpoint=name, seed=seed, **names) for name in pair]
    streams = [service.stream(tabs.FAMILY, request) for request in requests]
    frames: list[Any] = []
    for _ in range(2):  # pictures, then pictures with gauges
        found = [next(stream, None) for stream in streams]
        frames = [new or old for new, old in zip(found, frames or found, strict=True)]
        if failure := next((f for f in frames if isinstance(f, service.Failure)), None):
            yield plots.trouble(str(failure)), seed
            return
        yield pad_views.wall(pair, frames), seed


def new_seed() -> int:
    """Another seed than before; whatever depends on it follows."""
    return int(np.random.default_rng().integers(2**31))


# --- the HTTP API -------------------------------------------------------------------------------


@tabs.mended
def sample_digits(
    checkpoint: str = "vae-dense-b0.784",
    sampler: Literal["prior", "box", "fitted normal", "mixture"] = "prior",
    count: int = 30,
    temperature: float = 1.0,
    seed: int = -1,
) -> dict:
    """New digits from one decoder.

    Args:
        checkpoint: which network draws, e.g. "vae-dense-b0.784" or "twin-ae-2".
        sampler: where the codes come from: prior N(0, T²I), box, fitted normal, mixture of ten.
        count: how many digits, 1 to 100.
        temperature: spread of the codes, 0 to 1.5.
        seed: a whole number; −1 draws one. The seed used is in the reply.

    Returns:
        {"seed", "codes": N × d numbers, "images": N × 28 × 28 grey values 0…255, "gauges": figures
        of plausibility, novelty and variety, or null}.
    """
    frame = service.run(
        tabs.FAMILY,
        SampleRequest(
            checkpoint=checkpoint, sampler=sampler, count=count, temperature=temperature, seed=seed
        ),
    )
    gauges = None
    if frame.gauges is not None:
        gauges = {name: getattr(frame.gauges, name) for name in pad_views.GAUGE_FIELDS}
    return {
        "seed": frame.seed,
        "codes": frame.z.tolist(),
        "images": frame.images.tolist(),
        "gauges": gauges,
    }


def _api() -> None:
    gr.api(sample_digits, api_name="sample_digits", concurrency_id="model")
