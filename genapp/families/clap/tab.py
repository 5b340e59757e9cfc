"""The Sound tab: make, upload or record a sound; type labels; see which one it matches."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from genapp import checkpoints
from genapp.data.sounds import KINDS, PITCHES, TEMPOS
from genapp.families.clap import tab_api, tab_hub, tab_play
from genapp.families.clap.spec import LABELS, TEMPLATE, SoundRequest
from genapp.families.clap.tab_views import CSS
from genapp.ui import parts
from genapp.ui.context import Context, choices

START = SoundRequest()
SOURCES = [("Make a sound", "made"), ("Your own", "own")]
PRESETS = {  # button → kind, pitch, tempo
    "Bird": ("bird", "high", "medium"),
    "Big dog": ("bark", "low", "slow"),
    "Puppy": ("bark", "high", "fast"),
    "Drum": ("drum", "low", "medium"),
    "Bell": ("bell", "low", "slow"),
    "Rain": ("noise", "high", "fast"),
    "Siren": ("chirp", "middle", "slow"),
    "Alarm": ("tone", "high", "fast"),
}
PLANES = [("where kinds differ", "kinds"), ("widest spread", "widest")]
KIND_NAMES = [("dog" if kind == "bark" else kind, kind) for kind in KINDS]
HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
LIVE = {**HIDDEN, "trigger_mode": "always_last", "concurrency_id": "model"}
HOW = r"""
**Two encoders, one space.** A small convolutional net turns the log-mel picture into a vector
$a$ of 128 numbers, a GRU turns a caption into $t$; both have length 1. They were trained together
so that a sound lies near the captions that are true of it (CLIP's loss, for sounds; Elizalde et al.
and Wu et al. 2023):

$$p(t_j \mid a) = \frac{\exp(a \cdot t_j / \tau)}{\sum_k \exp(a \cdot t_k / \tau)}$$

with a learned temperature $\tau$, and the same from captions to sounds. A vague caption ("a bird")
is true of several sounds of a batch; the target is shared among them.

**Zero-shot.** No classifier is ever trained: your labels go through the template into the caption
encoder, and the nearest caption wins. So the labels can be anything the words can say.
Of the 63 combinations of kind, pitch and tempo, 14 were *kept from training*. The network met
fast birds and low birds, never a fast low bird; the card says how often it names those in full.

**Two ears.** What sounds and how often it sounds are heard apart and added: a convolutional net
that pools over loud moments of 130 ms and so can't count, and a modulation spectrum of the onsets
that can only count. With a single convolutional net the seen combinations were all right, but only
63 % of the unseen ones: it had learnt each kind's tempos by heart.

**What it has never met** it can't know. It learnt from synthesised sounds and about a hundred
words: a real dog often works, a piano will be called the nearest thing it knows.

**The ear.** 48 kHz, windows of 1,024 samples every 480 (10 ms), 64 mel bands from 0 to 14 kHz, in
decibels: the numbers of CLAP's own extractor.

**A slip to learn from.** A well-known lecture plays ESC-50's 44.1 kHz clips as if they were 16 kHz
and hands them to the model without their rate. Each sound is then 2.76 times longer and an octave
and a half lower. Tick *Read 44.1 kHz as 16 kHz* to hear what the model heard. Uploads here are
resampled to 48 kHz from the rate in their header.
"""


def build(ctx: Context) -> None:
    """Lays out the tab."""
    parts.story(
        "A sound and a sentence land in the same space, so any words can be the labels.",
        "press <em>Big dog</em>, then change the labels to <em>a low dog</em> and <em>a high dog"
        "</em>.",
    )
    with gr.Row(elem_id="sound-presets"):
        buttons = {name: gr.Button(name, size="sm", min_width=70) for name in PRESETS}
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=320):
            heard = gr.HTML(css_template=CSS, elem_id="sound-heard")
            bars = gr.HTML(css_template=CSS, elem_id="sound-bars")
            drawn = gr.HTML(css_template=CSS, elem_id="sound-map")
            plane = gr.Radio(PLANES, value=START.plane, label="Map", elem_id="sound-plane")
        with gr.Column(scale=4, min_width=300):
            desk = {**_desk(), "buttons": buttons, "plane": plane}
    parts.how_it_works(HOW)
    names, first = choices(checkpoints.find("clap"), START.checkpoint)
    with gr.Accordion("The model's card, and a bigger model", open=False):
        model = gr.Dropdown(names, value=first, label="Model", elem_id="sound-model")
        card = gr.Markdown(parts.card_of("clap", first))
        tab_hub.add(model)
    _wire(ctx, {**desk, "model": model}, [heard, bars, drawn, desk["seed"]], card)
    tab_api.add()


def _desk() -> dict[str, Any]:
    """The synthesiser or one's own sound, labels and template."""
    source = gr.Radio(SOURCES, value="made", label="Sound", elem_id="sound-source")
    with gr.Group(visible=True) as made:
        kind = gr.Dropdown(KIND_NAMES, value=START.kind, label="Kind", elem_id="sound-kind")
        pitch = gr.Radio(list(PITCHES), value=START.pitch, label="Pitch", elem_id="sound-pitch")
        tempo = gr.Radio(list(TEMPOS), value=START.tempo, label="Tempo", elem_id="sound-tempo")
        seed = gr.Number(
            START.seed, label="Seed", info="−1 draws one; the one used is written here",
            precision=0, minimum=-1, maximum=2**31 - 1, elem_id="sound-seed",
        )  # fmt: skip
        another = gr.Button("Another of its kind", size="sm", elem_id="sound-another")
    with gr.Group(visible=False) as own:
        audio = gr.Audio(
            sources=["upload", "microphone"], type="filepath", label="Your sound",
            elem_id="sound-audio",
        )  # fmt: skip
        gr.Markdown(
            "WAV, FLAC, OGG or MP3, up to 20 MB; the first ten seconds are heard.",
            elem_id="sound-limits", container=True,
        )  # fmt: skip
    labels = gr.Textbox(
        LABELS, label="Labels", info="one a line", lines=4, max_lines=12, max_length=2000,
        elem_id="sound-labels",
    )  # fmt: skip
    template = gr.Textbox(
        TEMPLATE, label="Template", info="{} is where the label goes", max_length=120,
        elem_id="sound-template",
    )  # fmt: skip
    wrong = gr.Checkbox(False, label="Read 44.1 kHz as 16 kHz", elem_id="sound-wrong")
    return {
        "source": source, "made": made, "own": own, "kind": kind,
        "pitch": pitch, "tempo": tempo, "seed": seed, "another": another, "audio": audio,
        "labels": labels, "template": template, "wrong": wrong,
    }  # fmt: skip


def _wire(ctx: Context, desk: dict[str, Any], outputs: list[Any], card: gr.Markdown) -> None:
    asked = [desk[n] for n in tab_play.ASKED]
    panels = [desk["made"], desk["own"]]
    gr.on(
        [
            *(desk[n].input for n in ("kind", "pitch", "tempo", "labels", "template", "wrong",
              "plane")),
            desk["source"].input, desk["seed"].submit, desk["seed"].blur, desk["audio"].change,
        ],
        tab_play.show, asked, outputs, **LIVE,
    )  # fmt: skip
    desk["source"].change(_panels, desk["source"], panels, queue=False, **HIDDEN)
    desk["another"].click(lambda: -1, None, desk["seed"], queue=False, **HIDDEN).then(
        tab_play.show, asked, outputs, **LIVE
    )
    chosen = [desk[n] for n in ("source", "kind", "pitch", "tempo")]
    for name, button in desk["buttons"].items():
        picked = button.click(_preset(name), None, chosen, queue=False, **HIDDEN)
        picked.then(tab_play.show, asked, outputs, **LIVE)
    desk["model"].change(lambda name: parts.card_of("clap", name), desk["model"], card, **HIDDEN)
    desk["model"].change(tab_play.show, asked, outputs, **LIVE)
    shared = ("kind", "pitch", "tempo", "seed", "labels", "template", "wrong", "model", "plane")
    ctx.share(**{name: desk[name] for name in shared})

    def opened(request: gr.Request) -> list[Any]:
        linked = ctx.linked(request, **{name: desk[name] for name in shared})
        values = {name: desk[name].value for name in tab_play.ASKED}
        names = list(checkpoints.find("clap"))  # one may have been trained since
        return [*tab_play.show(*(values | linked).values()), gr.Dropdown(choices=names)]

    ctx.on_open(opened, [*outputs, desk["model"]])


def _preset(name: str) -> Callable[[], tuple[str, ...]]:
    return lambda: ("made", *PRESETS[name])


def _panels(source: str) -> tuple[gr.Group, gr.Group]:
    return gr.Group(visible=source == "made"), gr.Group(visible=source == "own")
