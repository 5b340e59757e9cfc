"""The Translator: a sentence, what each word of its translation read, three models side by side."""

from typing import Any

import gradio as gr

from genapp.families.seq2seq import tab_batch, tab_gallery, tab_pace, tab_two, tab_views, tab_write
from genapp.families.seq2seq.tab_write import EXAMPLES, MODELS
from genapp.translation.request import SENTENCE
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.widgets.alignment.widget import alignment

HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
HOW = r"""
**Without attention** an encoder GRU reads the sentence and hands its last state $h_N$, 128 numbers,
to the decoder. All the sentence must fit in there, however long it is.

**With additive attention** (Bahdanau et al. 2015) the decoder looks back at every encoder state
$h_j$ before each word: $e_{ij} = v^\top\tanh(W s_{i-1} + U h_j)$, $a_{ij} = \mathrm{softmax}_j\,
e_{ij}$, and reads the mixture $c_i = \sum_j a_{ij} h_j$ along with the last word. A row of the map
is one $a_i$; it sums to 1, and pads get none of it.

**The Transformer** (Vaswani et al. 2017) has no recurrence: three layers of four heads compare
$\mathrm{softmax}(QK^\top/\sqrt{d})\,V$. The map shows its cross-attention; choose a layer and head.

All three read and write the same kind of pieces (BPE, Sennrich et al. 2016), in lower case: with
whole words more than half of the held-out Russian sentences hold a word the vocabulary lacks.
**BLEU** counts shared word sequences up to four long, **chrF** shared letter sequences; both are
computed by sacrebleu.
"""


def build(ctx: Context) -> None:
    """Lays out the Translator."""
    parts.story(
        "Three small models translate into English; the map shows what each written word read.",
        "Press <em>Translate</em>, then choose <em>no attention</em> and a long sentence.",
    )
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            desk = _left()
        with gr.Column(scale=6, min_width=320):
            picture = alignment(
                "What each word read", "No translation yet.", status="writing",
                elem_id="translator-map",
            )  # fmt: skip
            score = gr.HTML(elem_id="translator-score", css_template=tab_views.CSS)
    desk["examples"] = gr.Dataset(
        components=["textbox"], samples=_samples("Russian"), label="Try one of these",
        samples_per_page=14, elem_id="translator-examples",
    )  # fmt: skip
    three = gr.HTML(elem_id="translator-three", css_template=tab_views.CSS)
    _below(desk)
    tab_gallery.build(ctx)
    tab_pace.build(desk["text"], desk["reference"])
    tab_two.build(desk["text"], desk["reference"])
    _prepared(desk)
    tab_batch.build(desk["language"])
    _cards()
    parts.how_it_works(HOW)
    _wire(ctx, desk, picture, score, three)
    shared = {
        name: desk[name] for name in ("model", "language", "text", "reference", "beam", "toy")
    }
    ctx.share(**shared)
    gr.api(tab_write.api, api_name="translate", concurrency_id="model")
    gr.api(error_accumulation, api_name="error_accumulation", concurrency_id="model")


def _left() -> dict[str, Any]:
    """Model, language, sentence, buttons, examples."""
    first = EXAMPLES["Russian"][0]
    model = gr.Radio(list(MODELS), value="attention", label="Model", elem_id="translator-model")
    language = gr.Radio(list(EXAMPLES), value="Russian", label="From", elem_id="translator-from")
    known = gr.HTML(css_template=tab_views.CSS, elem_id="translator-known")
    text = gr.Textbox(
        first[0], label="Sentence", lines=2, max_length=SENTENCE, elem_id="translator-text"
    )
    with gr.Row():
        translate = gr.Button("Translate", variant="primary", min_width=90, scale=3)
        step = gr.Button("Step", min_width=60, scale=2)
    reference = gr.Textbox(
        first[1], label="Reference", info="a translation to score against",
        max_length=SENTENCE, elem_id="translator-reference",
    )  # fmt: skip
    with gr.Row():
        beam = gr.Slider(1, 8, value=1, step=1, label="Beam", info="1 is greedy", min_width=140)
        align = gr.Checkbox(False, label="Align the reference", min_width=140)
    return {
        "model": model, "language": language, "known": known, "text": text,
        "translate": translate, "step": step, "reference": reference, "beam": beam, "align": align,
    }  # fmt: skip


def _samples(language: str) -> list[list[str]]:
    return [[source] for source, _ in _known(language)]


def _known(language: str) -> list[tuple[str, str]]:
    """The examples, then held-out pairs no model was trained on."""
    return [*EXAMPLES[language], *tab_write.held_out(language)]


def _below(desk: dict[str, Any]) -> None:
    """Scores by length, the card, the toys, the folded parts."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            gr.Markdown("#### How long may a sentence be?")
            chart = gr.HTML(css_template=tab_views.CSS, elem_id="translator-chart")
        with gr.Column(scale=5, min_width=320):
            gr.Markdown("#### How errors add up")
            errors = gr.HTML(css_template=tab_views.CSS, elem_id="translator-errors")
    gr.Markdown("#### Held-out BLEU, Russian to English; beside it the other languages")
    card = gr.HTML(css_template=tab_views.CSS, elem_id="translator-card")
    gr.Markdown("#### What fits through one vector?")
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=260):
            toy = gr.Radio(
                tab_views.trained_toys(), value="reverse", label="Toy task",
                elem_id="translator-toy",
                info="random letters, three models of equal size; beyond 20 is extrapolation",
            )  # fmt: skip
        with gr.Column(scale=7, min_width=320):
            toys = gr.HTML(css_template=tab_views.CSS, elem_id="translator-toys")
    toy.change(tab_views.toy_chart, toy, toys, **HIDDEN)
    desk |= {"chart": chart, "errors": errors, "card": card, "toy": toy, "toys": toys}


def _prepared(desk: dict[str, Any]) -> None:
    """The preparation of a sentence, folded."""
    with gr.Accordion("How a sentence is prepared", open=False):
        with gr.Row():
            longest = gr.Slider(2, 30, value=9, step=1, label="Longest, words", min_width=160)
            prefixes = gr.Checkbox(True, label="Only “I am…”, “he is…” and ten more")
        view = gr.HTML(css_template=tab_views.CSS, elem_id="translator-stages")
        inputs = [desk["text"], desk["reference"], longest, prefixes]
        gr.on(
            [desk["text"].change, desk["reference"].change, longest.change, prefixes.change],
            tab_views.stages, inputs, view, trigger_mode="always_last", **HIDDEN,
        )  # fmt: skip
    desk["stages"] = inputs, view


def _cards() -> None:
    with gr.Accordion("The models' cards", open=False):
        for family, name in MODELS.values():
            gr.Markdown(parts.card_of(family, name))


def _wire(
    ctx: Context, desk: dict[str, Any], picture: gr.HTML, score: gr.HTML, three: gr.HTML
) -> None:
    heavy = {**HIDDEN, "concurrency_id": "model"}
    asked = [desk[n] for n in ("model", "text", "reference", "beam", "align")]
    outputs = [picture, score]
    compared = [desk[n] for n in ("text", "reference", "beam")]
    triggers = [
        desk["translate"].click, desk["text"].submit, desk["model"].input, desk["align"].input,
        desk["beam"].release,
    ]  # fmt: skip
    run = gr.on(
        triggers, tab_write.stream, asked, outputs, trigger_mode="always_last", **heavy
    )  # fmt: skip
    run.success(tab_write.compare, compared, three, **heavy)
    desk["step"].click(tab_write.step, [picture, *asked], outputs, **heavy)

    def chosen(language: str, event: gr.SelectData) -> tuple[str, str]:
        return _known(language)[int(event.index)]

    picked = desk["examples"].select(
        chosen, desk["language"], [desk["text"], desk["reference"]], **HIDDEN
    )
    picked.then(tab_write.stream, asked, outputs, **heavy).success(
        tab_write.compare, compared, three, **heavy
    )

    def changed(language: str) -> tuple[Any, str, str]:
        text, reference = EXAMPLES[language][0]
        return gr.Dataset(samples=_samples(language)), text, reference

    spoken = desk["language"].input(
        changed, desk["language"], [desk["examples"], desk["text"], desk["reference"]], **HIDDEN
    )
    spoken.then(tab_write.stream, asked, outputs, **heavy).success(
        tab_write.compare, compared, three, **heavy
    )
    inputs, view = desk["stages"]
    ctx.on_open(tab_views.stages, view, inputs)
    desk["model"].change(tab_views.known, desk["model"], desk["known"], **HIDDEN)
    ctx.on_open(tab_views.known, desk["known"], desk["model"])
    ctx.on_open(tab_views.length_chart, desk["chart"])
    ctx.on_open(tab_views.score_card, desk["card"])
    ctx.on_open(tab_views.toy_chart, desk["toys"], desk["toy"])
    opened = ctx.demo.load(tab_write.stream, asked, outputs, **heavy)
    compared_once = opened.success(tab_write.compare, compared, three, **heavy)
    compared_once.success(tab_views.exposure_chart, None, desk["errors"], **heavy)


def error_accumulation(model: str = "attention") -> dict[str, list[float]]:
    """How often a translator writes the right piece at each place of held-out references.

    Args:
        model: "no attention", "attention" (both recurrent) or "Transformer".

    Returns:
        forced (after the true words) and free (after its own words), shares from 0 to 1, and
        counted (pairs that reach the place), from place 1 on; empty where the model's checkpoint
        brought no held-out pairs.
    """
    tab_write.known_model(model)
    told = tab_views.exposure(model)
    names = ("forced", "free", "counted")
    return {name: [] if told is None else list(getattr(told, name)) for name in names}
