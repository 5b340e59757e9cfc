"""Around the Studio: a text's surprise, the model learning to write, its card."""

import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import gradio as gr

from genapp import checkpoints
from genapp.families.gpt import tab_api
from genapp.families.gpt.spec import ScoreRequest
from genapp.families.gpt.tab_write import FAMILY
from genapp.ui import controls, parts
from genapp.ui.widgets.token_strip import widget as strip

EXAMPLE = (
    "A Fox one day fell into a deep well and could not get out again. "
    "Shares in the telecoms group rose sharply after the board approved the merger."
)
PUBLISHED = """
| character Shakespeare, held-out loss (nats) | steps | value |
|---|---|---|
| nanoGPT's README, CPU settings (4 layers, width 128, context 64) | 2,000 | 1.88 |
| nanoGPT's README, GPU settings (6 layers, width 384, context 256) | 5,000 | 1.4697 |

Losses compare only between models with the same tokens: a word-piece model's loss is per
word-piece. For the styles no published figure exists for these texts.
"""


# ---- surprise ---------------------------------------------------------------------------------


def surprise(model: gr.Dropdown) -> None:
    """Paste a text, see the loss of every token."""
    with gr.Accordion("How surprised is the model by your text?", open=False):
        text = controls.widget(
            ScoreRequest, "text", value=EXAMPLE, lines=3, max_lines=8, label="Any text"
        )
        button = gr.Button("Measure", variant="secondary")
        heat = strip.token_strip(
            "Surprise per token",
            "The darker a token, the less the model saw it coming.",
            clickable=False,
            fixed=False,
            modes=("surprise", "probability", "rank"),
            elem_id="studio-surprise",
        )
    gr.on(
        [button.click, text.submit],  # type: ignore[attr-defined]
        measured,
        [text, model],
        heat,
        concurrency_id="model",
        show_progress="hidden",
        api_visibility="private",
    )


def measured(text: str, model: str) -> dict[str, Any]:
    """The strip of a scored text."""
    result = tab_api.last(ScoreRequest(text=text or "", checkpoint=model))
    words = [
        f"perplexity {result.perplexity:,.1f}",
        f"{result.bits_per_byte:.2f} bits per byte",
        f"{result.nats:.2f} nats a token",
        f"{len(result.tokens):,} tokens",
    ]
    return strip.value(
        [strip.token(t.token, t.text, math.exp(-t.nats), t.rank) for t in result.tokens],
        run=f"{model}-{hash(text)}",
        status="done",
        note=" · ".join([*words, *([result.notice] if result.notice else [])]),
        settings={"checkpoint": model},
    )


# ---- learning ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """What a model wrote at one step of its training."""

    step: int
    text: str
    val_loss: float | None


def samples(checkpoint: str) -> list[Sample]:
    """The samples kept with a checkpoint, by step; empty without any."""
    path = checkpoints.find(FAMILY).get(checkpoint)
    try:
        raw = json.loads((path / "samples.json").read_text("utf-8")) if path else []
        kept = [Sample(int(s["step"]), str(s["text"]), s.get("val_loss")) for s in raw]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []
    return sorted(kept, key=lambda s: s.step)


class Learning:
    """A slider over the training steps and the text written at each."""

    def __init__(self, model: gr.Dropdown) -> None:
        with gr.Accordion("Watch it learn to write", open=False):
            self.step = gr.Slider(0, 1, 0, step=1, label="Training step", visible=False)
            self.view = gr.HTML(js_on_load=None, css_template=LEARNING_CSS, elem_classes="learn")
        self.outputs = [self.step, self.view]
        self.step.change(
            lambda step, name: learning_view(samples(name), step),
            [self.step, model],
            self.view,
            queue=False,
            trigger_mode="always_last",
            show_progress="hidden",
            api_visibility="private",
        )

    def of(self, model: str) -> list[Any]:
        """Updates of ``outputs`` for ``model``; the slider starts in the middle of the way."""
        kept = samples(model)
        if len(kept) < 2:
            return [gr.update(visible=False), "This model kept no samples of its training."]
        steps = [s.step for s in kept]
        gap = math.gcd(*(b - a for a, b in pairwise(steps))) or 1
        at = steps[len(steps) // 3]
        slider = gr.update(minimum=steps[0], maximum=steps[-1], step=gap, value=at, visible=True)
        return [slider, learning_view(kept, at)]


LEARNING_CSS = """
.where { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 20px; }
.where b { font-weight: 600; font-variant-numeric: tabular-nums; }
svg { width: 220px; height: 56px; overflow: visible; }
polyline { fill: none; stroke: var(--color-accent); stroke-width: 1.5; }
circle { fill: var(--color-accent); }
blockquote { white-space: pre-wrap; overflow-wrap: anywhere; margin: 10px 0 0; padding: 0;
  border: 0; min-height: 15em; color: var(--body-text-color);
  font: 16px/1.7 Charter, "Iowan Old Style", "Palatino Linotype", Georgia, serif; }
"""


def learning_view(kept: Sequence[Sample], step: float) -> str:
    """The sample nearest ``step`` and where it lies on the loss curve, as HTML."""
    if not kept:
        return ""
    sample = min(kept, key=lambda s: abs(s.step - step))
    words = [f"step <b>{sample.step:,}</b>"]
    if sample.val_loss is not None:
        words.append(f"held-out loss <b>{sample.val_loss:.3f}</b> nats a token")
        words.append(f"perplexity <b>{math.exp(min(sample.val_loss, 50)):,.0f}</b>")
    line = "".join(f"<span>{word}</span>" for word in words)
    body = html.escape(sample.text)
    return f'<div class="where">{_curve(kept, sample)}{line}</div><blockquote>{body}</blockquote>'


def _curve(kept: Sequence[Sample], here: Sample) -> str:
    known = [(s.step, s.val_loss) for s in kept if s.val_loss is not None]
    if len(known) < 2 or here.val_loss is None:
        return ""
    low, high = min(v for _, v in known), max(v for _, v in known)

    def at(step: int, loss: float) -> tuple[float, float]:
        x = 220 * (step - known[0][0]) / max(1, known[-1][0] - known[0][0])
        return x, 4 + 48 * (high - loss) / max(1e-9, high - low)

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in known))
    x, y = at(here.step, here.val_loss)
    label = f"Held-out loss from {known[0][1]:.2f} to {known[-1][1]:.2f}"
    return (
        f'<svg viewBox="0 0 220 56" role="img" aria-label="{label}"><polyline points="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></svg>'
    )


# ---- card -------------------------------------------------------------------------------------


def model_card(model: str) -> gr.Markdown:
    """The folded card of the chosen model; the published figures beside it."""
    with gr.Accordion("The model's card", open=False):
        card = gr.Markdown(card_text(model))
    return card


def card_text(model: str) -> str:
    """Card and published figures as Markdown."""
    return f"{parts.card_of(FAMILY, model)}\n\n**Published**\n{PUBLISHED}"
