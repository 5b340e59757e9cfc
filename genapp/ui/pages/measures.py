"""Measures: two sentences, a dozen ways to score one against the other, and what each misses."""

import html
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr

from genapp import registry
from genapp.errors import UserError
from genapp.service import Failure
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.pages import families_map, measures_guide
from genapp.ui.pages.measures_scores import LONGEST, compare, encoders, first, text_scores
from genapp.ui.places import places
from genapp.ui.widgets.score_lab.widget import score_lab, value

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
HOW = r"""
**BERTScore** (Zhang et al. 2020) turns both sentences into one vector per token, $\hat x_j$ of the
candidate and $x_i$ of the reference, all of length 1, and lets each token choose its closest:

$$R = \frac{\sum_i w_i \max_j x_i^\top \hat x_j}{\sum_i w_i}, \qquad
P = \frac{\sum_j w_j \max_i x_i^\top \hat x_j}{\sum_j w_j}, \qquad F_1 = \frac{2PR}{P+R}$$

They are *means* of the best cosines, not sums, and one number each per pair. **IDF** weighs a token
by $w = \log\frac{M+1}{m+1}$, where $m$ of $M$ reference sentences hold it. **Rescale** maps a score
$s$ to $(s-b)/(1-b)$; $b$ is what the same encoder gives, at the same layer, to the 276 pairs of 24
sentences that have nothing in common. The layer the page starts with is three quarters of the way
up, about where the paper found layers that agree best with people.

**BLEU** multiplies the shares of candidate n-grams (one to four words) found in the reference, each
counted at most as often as the reference has it, and punishes brevity. **chrF** does the like with
letters. **TER** counts edits. **ROUGE** is an F1 of shared n-grams, or of the longest common
subsequence. BLEU, chrF and TER are computed by sacrebleu, all else by `genapp/metrics`.

Papineni et al. 2002 · Lin 2004 · Snover et al. 2006 · Popović 2015 · Li et al. 2016 · Zhang et al.
2020.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A pair and what to look for in it."""

    name: str
    candidate: str
    note: str
    reference: str = "the cat sat on the mat"


PRESETS = (
    Preset(
        name="identical",
        candidate="the cat sat on the mat",
        note="All that is shared: every measure is at its best.",
    ),
    Preset(
        name="synonym",
        candidate="the feline sat on the mat",
        note="<em>cat</em> became <em>feline</em>. Whoever counts words loses every n-gram that "
        "held it; BERTScore only the rows of the new word. Turn on <em>Rescale</em> before you "
        "believe it, then see what <em>dog</em> does.",
    ),
    Preset(
        name="cat → dog",
        candidate="the dog sat on the mat",
        note="Wrong, and to a word counter just as wrong as <em>feline</em>. A small encoder may "
        "even prefer <em>dog</em>: it learned which words fill the same place, not which are true.",
    ),
    Preset(
        name="typo",
        candidate="the cst sat on the mat",
        note="One letter. chrF, which counts letters, forgives it; a word counter sees another "
        "word, an encoder sees strange pieces.",
    ),
    Preset(
        name="negation",
        candidate="the cat never sat on the mat",
        note="The blind spot: the opposite was said, and all the old words still find themselves. "
        "Recall hardly notices; only precision has a new row without a match.",
    ),
    Preset(
        name="word order",
        candidate="the mat sat on the cat",
        note="The same words. ROUGE-1 and unigram precision see no difference; BLEU does, and an "
        "encoder only as far as its vectors depend on place: at layer 0 the mean vectors agree.",
    ),
    Preset(
        name="the × 7",
        candidate="the the the the the the the",
        reference="the cat is on the mat",
        note="All seven words are in the reference, yet only two count: the reference has no more. "
        "Clipped precision is 2/7.",
    ),
    Preset(
        name="unrelated",
        candidate="general kenobi",
        reference="hello there",
        note="No word is shared, yet BERTScore is far above 0. Turn on <em>rescale</em>: 0 becomes "
        "what unrelated sentences get.",
    ),
)
OPENING, BEFORE = PRESETS[1], PRESETS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The components the handlers speak to."""

    candidate: gr.Textbox
    reference: gr.Textbox
    encoder: gr.Dropdown
    references: gr.Textbox
    note: gr.HTML
    view: gr.HTML

    @property
    def asked(self) -> list[Any]:
        return [self.candidate, self.reference, self.encoder, self.references]


def build(ctx: Context) -> None:
    """Lays out the lab, its endpoint, and what there is to know around it."""
    parts.story(
        "Is one sentence as good as another? A dozen measures answer, and each is blind somewhere.",
        "Press <em>synonym</em>, then <em>cat → dog</em>, and watch which numbers move.",
    )
    _wire(ctx, *_layout(ctx))
    parts.how_it_works(HOW)
    with gr.Accordion("Which measure sees what: source, reference, translation", open=False):
        _page_of(measures_guide.sees())
    with gr.Accordion("Encoder, decoder or both: a map, and what to read", open=False):
        known = places(registry.all_families().values())
        _page_of(families_map.family_map(known) + families_map.reading_list())
    gr.api(text_scores, api_name="text_scores", concurrency_id="model")


def _page_of(words: str) -> None:
    gr.HTML(words, apply_default_css=False, css_template=measures_guide.css(), js_on_load=None)


def _layout(ctx: Context) -> tuple[Desk, gr.Button, gr.Button, list[gr.Button]]:
    found = encoders()
    with gr.Row(equal_height=False):
        text: dict[str, Any] = {"max_length": LONGEST, "lines": 1, "max_lines": 3, "scale": 4}
        text |= {"min_width": 240}
        candidate = gr.Textbox(
            OPENING.candidate, label="Candidate", elem_id="measures-candidate", **text
        )
        reference = gr.Textbox(
            OPENING.reference, label="Reference", elem_id="measures-reference", **text
        )
        encoder = gr.Dropdown(
            found, value=first(found), label="Encoder", scale=2, min_width=150,
            elem_id="measures-encoder",
        )  # fmt: skip
    with gr.Row():
        score = gr.Button("Score", variant="primary", size="sm", min_width=90)
        swap = gr.Button("Swap", size="sm", min_width=70)
        presets = [gr.Button(p.name, size="sm", min_width=90) for p in PRESETS]
    note = gr.HTML(_note(OPENING.note), elem_id="measures-note")
    view = score_lab(share=ctx.tab, elem_id="measures-lab", label="Measures", show_label=False)
    with gr.Accordion("Which words are rare? Sentences for IDF", open=False):
        references = gr.Textbox(
            "", label="References", lines=3, max_lines=8, max_length=4_000,
            placeholder="one a line; empty: 24 sentences of ours", elem_id="measures-references",
            info="IDF weighs a token by how few of these hold it; Score counts them anew",
        )  # fmt: skip
    desk = Desk(
        candidate=candidate, reference=reference, encoder=encoder, references=references,
        note=note, view=view,
    )  # fmt: skip
    return desk, score, swap, presets


def _wire(
    ctx: Context, desk: Desk, score: gr.Button, swap: gr.Button, presets: Sequence[gr.Button]
) -> None:
    heavy: dict[str, Any] = {**QUIET, "concurrency_id": "model"}
    shown = [desk.view, desk.note]
    triggers = [
        score.click, desk.candidate.submit, desk.reference.submit, desk.encoder.input,
        desk.references.blur,
    ]  # fmt: skip
    gr.on(triggers, scored, desk.asked, shown, **heavy)
    boxes = [desk.candidate, desk.reference]
    swap.click(swapped, desk.asked, [*boxes, *shown], **heavy)
    for preset, button in zip(PRESETS, presets, strict=True):
        inputs = [desk.encoder, desk.references]
        button.click(_chooser(preset), inputs, [*boxes, *shown], **heavy)

    def opened(request: gr.Request) -> list[Any]:
        query = dict(request.query_params)
        found = encoders()
        encoder = first(found, query.get(f"{ctx.tab}.encoder", first(found) or ""))
        menu = gr.Dropdown(found, value=encoder)
        if encoder is None:
            return [gr.skip(), _note("No encoder yet — train one on the Train page."), menu]
        texts = (
            query.get(f"{ctx.tab}.candidate", OPENING.candidate)[:LONGEST],
            query.get(f"{ctx.tab}.reference", OPENING.reference)[:LONGEST],
        )
        return [*opening(*texts, encoder, query.get(f"{ctx.tab}.references", "")[:4_000]), menu]

    ctx.on_open(opened, [*shown, desk.encoder])
    ctx.share(
        candidate=desk.candidate,
        reference=desk.reference,
        encoder=desk.encoder,
        references=desk.references,
    )


def opening(candidate: str, reference: str, encoder: str, references: str) -> list[Any]:
    """The page's first picture: the pair beside the reference against itself."""
    try:
        before = compare(reference, reference, encoder, references)
        now = compare(candidate, reference, encoder, references)
    except UserError as error:  # a link that asks for what can't be had
        gr.Warning(html.escape(str(error)))
        return opening(OPENING.candidate, OPENING.reference, encoder, "")
    return [value(now, before), _note(_known(candidate, reference))]


def scored(candidate: str, reference: str, encoder: str, references: str) -> list[Any]:
    """Score: the pair as it stands in the boxes."""
    with told():
        now = compare(candidate, reference, encoder or "", references)
        return [value(now), _note(_known(candidate, reference))]


def swapped(candidate: str, reference: str, encoder: str, references: str) -> list[Any]:
    """The two sentences change places, and so do precision and recall."""
    note = "Precision and recall have changed places; F1 and the matrix's numbers are the same."
    with told():
        now = compare(reference, candidate, encoder or "", references)
        return [reference, candidate, value(now), _note(note)]


def _chooser(preset: Preset) -> Any:
    def choose(encoder: str, references: str) -> list[Any]:
        with told():
            now = compare(preset.candidate, preset.reference, encoder or "", references)
            return [preset.candidate, preset.reference, value(now), _note(preset.note)]

    return choose


@contextmanager
def told() -> Any:
    """Turns a :class:`UserError` into a message on the page."""
    try:
        yield
    except UserError as error:
        parts.unless_failed(Failure(str(error)))


def _known(candidate: str, reference: str) -> str:
    same = (p.note for p in PRESETS if (p.candidate, p.reference) == (candidate, reference))
    return next(same, "")


def _note(words: str) -> str:
    return f'<p class="try">{words}</p>' if words else ""
