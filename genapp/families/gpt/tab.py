"""The Studio: write with a language model and see every choice it makes."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from genapp import checkpoints
from genapp.errors import UserError
from genapp.families.gpt import tab_api, tab_more, tab_write
from genapp.families.gpt.spec import PRESETS, SAMPLERS, GenerateRequest
from genapp.families.gpt.tab_thumbnail import thumbnail
from genapp.families.gpt.tab_write import FAMILY, OPENING_SEED, Writer, styles_of
from genapp.ui import controls, parts
from genapp.ui.context import Context, choices
from genapp.ui.widgets.sampler.widget import sampler
from genapp.ui.widgets.token_strip.widget import token_strip

__all__ = ["build", "thumbnail"]

DEFAULT = "gpt-mini"
# Where a slider is of use; the request itself allows more.
LIMITS = {"temperature": (0.0, 3.0), "no_repeat_ngram": (0, 8)}
PRECISIONS = [("exact · fp32", "fp32"), ("half · bf16", "bf16"), ("fast · int8", "int8")]
HOW = r"""
**One token at a time.** The model reads everything so far and gives every token of its vocabulary
a score, its *logit* $z_i$. The sampler turns scores into probabilities and draws one token; the
token is appended, and everything starts again.

**Temperature** divides the scores: $p_i = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}$. It is Boltzmann's
law with $-z$ as the energy: cold, the system freezes into its lowest state; hot, all states
become alike. $T = 1$ is the model as it was trained, $T = 0$ is *greedy*: always the most likely
token, whatever the seed.

**Cuts** drop the tail before drawing, in this order, and the survivors are renormalised:
*top-k* keeps the $k$ most likely; *top-p* (nucleus) the smallest set with $\sum p_i \ge p$;
*min-p* all with $p_i \ge m \cdot p_{\max}$; *typical* those whose surprise $-\ln p_i$ is nearest
the entropy $H = -\sum p_i \ln p_i$. $e^H$ is the *effective vocabulary*: as many equally likely
tokens would be just as uncertain.

**Penalties** come first. *Repetition* $r$ divides a positive logit of every token already seen
by $r$ and multiplies a negative one; *presence* subtracts its value once, *frequency* once per
occurrence; *no repeated n-grams* forbids any token that would complete an n-gram seen before.

**Perplexity** $e^{-\frac1n\sum\ln p}$ is how many equally likely tokens the model hesitates
between, on average. **Bits per byte** counts the same surprise per byte of text, which makes
models with different tokens comparable.

Radford et al. 2019 (GPT-2) · Holtzman et al. 2020 (top-p) · Meister et al. 2022 (typical) ·
Nguyen et al. 2024 (min-p) · Keskar et al. 2019 (repetition penalty).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The components the handlers speak to."""

    model: gr.Dropdown
    style: gr.Dropdown
    prompt: gr.Textbox
    write: gr.Button
    stop: gr.Button
    go_on: gr.Button
    strip: gr.HTML
    tokens: gr.Slider
    seed: gr.Number
    fresh: gr.Checkbox
    precision: gr.Radio
    sampler: gr.HTML


def build(ctx: Context) -> None:
    """Lays out the Studio."""
    parts.story(
        "A small GPT writes one token at a time: see how sure it was, and what else it could say.",
        "Drag <em>temperature</em>, click a word of the text, then press <em>Write</em>.",
    )
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=320):
            left = _left()
        with gr.Column(scale=5, min_width=320):
            chart = sampler(
                GenerateRequest, SAMPLERS, share=f"{ctx.tab}.sampler", limits=LIMITS,
                elem_id=f"{ctx.tab}-sampler",
            )  # fmt: skip
    desk = Desk(**left, sampler=chart)
    tab_more.surprise(desk.model)
    learning = tab_more.Learning(desk.model)
    card = tab_more.model_card(str(desk.model.value))
    parts.how_it_works(HOW)
    _wire(ctx, desk)
    _follow_model(ctx, desk, learning, card)
    ctx.share(model=desk.model, style=desk.style, prompt=desk.prompt, seed=desk.seed)
    tab_api.add()


def _left() -> dict[str, Any]:
    """Prompt, buttons, text and what is set once."""
    names, start = choices(checkpoints.find(FAMILY), DEFAULT)
    with gr.Row():
        model = gr.Dropdown(_titled(names), value=start, label="Model", min_width=140)
        style = _style_menu(start)
    prompt = controls.widget(
        GenerateRequest, "prompt", lines=1, max_lines=6, info=None, elem_id="studio-prompt",
        placeholder="How the text begins. Leave it empty and the model begins by itself.",
    )  # fmt: skip
    with gr.Row():
        write = gr.Button("Write", variant="primary", min_width=80, scale=3)
        stop = gr.Button("Stop", min_width=60, scale=2)
        go_on = gr.Button("Finish story", min_width=150, scale=4)
    page = token_strip(
        "The text", "No text yet.", status="writing", note="The model is waking up.",
        elem_id="studio-strip",
    )  # fmt: skip
    with gr.Row():
        with gr.Column(scale=3, min_width=240):
            tokens = gr.Slider(
                1, 1000, value=200, step=1, label="Tokens to write", elem_id="studio-tokens"
            )
            precision = gr.Radio(PRECISIONS, value="fp32", label="Precision")
        with gr.Column(scale=2, min_width=170):
            seed = gr.Number(
                OPENING_SEED, label="Seed", precision=0, minimum=-1, maximum=2**31 - 1,
                info="−1 draws one; the one used is written here", elem_id="studio-seed",
            )  # fmt: skip
            fresh = gr.Checkbox(True, label="A new seed each time", container=False)
    return {
        "model": model, "style": style, "prompt": prompt, "write": write, "stop": stop,
        "go_on": go_on, "strip": page, "tokens": tokens, "seed": seed, "fresh": fresh,
        "precision": precision,
    }  # fmt: skip


def _titled(names: list[str]) -> list[tuple[str, str]]:
    return [(PRESETS[n].title if n in PRESETS else n, n) for n in names]


def _style_menu(model: str) -> gr.Dropdown:
    """The styles a model has learned; the first is chosen."""
    styles = styles_of(model)
    entries = [("no style" if styles else "none learned", "auto"), *((s, s) for s in styles)]
    return gr.Dropdown(
        entries, value=styles[0] if styles else "auto", label="Style",
        interactive=bool(styles), min_width=120,
    )  # fmt: skip


def _wire(ctx: Context, desk: Desk) -> None:
    """Write, Stop, Continue, a click on a token."""
    writer = Writer()
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    heavy = {**hidden, "concurrency_id": "model"}
    settings = [
        desk.model, desk.style, desk.prompt, desk.sampler, desk.tokens, desk.precision, desk.seed,
        desk.fresh,
    ]  # fmt: skip
    outputs = [desk.strip, desk.seed]
    write = gr.on([desk.write.click, desk.prompt.submit], writer.write, settings, outputs, **heavy)
    source = [desk.strip, desk.model, desk.sampler]
    go_on = desk.go_on.click(writer.go_on, source, outputs, **heavy)
    for running in (write, go_on):
        running.success(tab_write.at_end, desk.strip, desk.sampler, **hidden)
        running.failure(tab_write.stopped, desk.strip, desk.strip, queue=False, **hidden)
    halt = desk.stop.click(writer.stop, None, None, cancels=[write, go_on], queue=False, **hidden)
    halt = halt.then(tab_write.stopped, desk.strip, desk.strip, queue=False, **hidden)
    halt.then(tab_write.at_end, desk.strip, desk.sampler, **hidden)
    desk.strip.select(
        tab_write.at_click, desk.strip, desk.sampler, trigger_mode="always_last", **hidden
    )
    desk.seed.input(None, None, desk.fresh, js="() => false", **hidden)  # a typed seed is meant
    ctx.demo.unload(writer.stop)


def _follow_model(ctx: Context, desk: Desk, learning: tab_more.Learning, card: gr.Markdown) -> None:
    """What belongs to a model changes with it, and is there when the page opens."""
    outputs = [desk.strip, desk.sampler, desk.style, card, *learning.outputs]

    openings = tab_write.Openings()

    def about(model: str) -> list[Any]:
        return [tab_more.card_text(model), *learning.of(model)]

    def chosen(model: str) -> Iterator[list[Any]]:
        rest = [_style_menu(model), *about(model)]
        with tab_write.asking():
            for first in openings.of(tab_write.opening_request(model, {}, ctx.tab)):
                yield [*first, *rest]
                rest = [gr.skip()] * len(rest)

    def opened(request: gr.Request) -> Iterator[list[Any]]:
        query = dict(request.query_params)
        names, start = choices(checkpoints.find(FAMILY), DEFAULT)
        model = query.get(f"{ctx.tab}.model", start)
        model = model if model in names else start
        style = gr.skip() if f"{ctx.tab}.style" in query else _style_menu(model)
        rest = [style, *about(model), gr.Dropdown(choices=_titled(names))]
        for asked in (query, {}):
            try:
                for first in openings.of(tab_write.opening_request(model, asked, ctx.tab)):
                    yield [*first, *rest]
                    rest = [gr.skip()] * len(rest)
                return
            except UserError as error:  # a link that asks for what can't be had
                gr.Warning(html.escape(str(error)))

    desk.model.input(
        chosen, desk.model, outputs, show_progress="hidden", api_visibility="private",
        concurrency_id="model",
    )  # fmt: skip
    ctx.on_open(opened, [*outputs, desk.model])
