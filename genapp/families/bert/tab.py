"""The BERT tab: one model, several things to do with it, a sub-tab each."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from genapp import checkpoints
from genapp.families.bert import tab_api, tab_fill, tab_sentences, tab_words
from genapp.families.bert.tab_work import DEFAULT, FAMILY, HIDDEN, models
from genapp.ui import parts
from genapp.ui.context import Context, choices
from genapp.ui.pages import attention_hub

HOW = r"""
**Both sides at once.** A GPT reads from the left and guesses what comes next. BERT's attention has
no mask: every token looks at every other, so a token would simply see the word it is asked for.
Therefore 15 % of the words are chosen; 80 % of these become [MASK], 10 % a random word, 10 % stay,
and the model guesses what stood there: $\mathcal{L}_{\mathrm{MLM}} = -\frac{1}{|M|}\sum_{i\in M}
\ln p(w_i \mid \text{all that is left})$.

**Two sentences.** The input is [CLS] A [SEP] B [SEP]. Half the time B follows A in the book; else
it is from another place. The vector at [CLS] says which: $\mathcal{L}_{\mathrm{NSP}}$, and training
lowers the sum of both losses.

**What goes in** is a sum of three rows: the token's own, its segment's (A or B), its position's.
What comes out is a vector a token; *Words in context* and *Sentences* look at those.

**What we changed.** Four layers of 256 instead of twelve of 768; and 30 % of the words are hidden
at first, falling to 15 %, since a short training has few to learn from (Ankner et al. 2023).

Devlin et al. 2019 (BERT) · Wu et al. 2016 (word pieces) · Peters et al. 2018 (ELMo).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubTab:
    """``build(context, model menu)`` lays it out."""

    name: str
    title: str
    build: Callable[[Context, gr.Dropdown], None]


SUBTABS = (
    SubTab(name="fill", title="Fill the gap", build=tab_fill.build),
    SubTab(name="words", title="Words in context", build=tab_words.build),
    SubTab(name="sentences", title="Sentences", build=tab_sentences.build),
)


def build(ctx: Context) -> None:
    """Lays the tab out."""
    parts.story(
        "BERT reads both sides of a gap and says what belongs there.",
        "Click a word to hide it, then click a candidate to put it in; or press <em>Words in "
        "context</em>: one word, two sentences, two vectors.",
    )
    names, start = choices(checkpoints.find(FAMILY), DEFAULT)
    model = gr.Dropdown(
        models(), value=start if names else None, label="Model", elem_id="bert-model"
    )
    with gr.Tabs(elem_id="bert-tabs"):
        for sub in SUBTABS:
            with gr.Tab(sub.title, id=sub.name) as item:
                sub.build(ctx, model)
            item.select(None, None, None, js=_REMEMBER % (ctx.tab, sub.name, SUBTABS[0].name))
    attention_hub.add(model, models, ("bert",), lambda family, name: name)
    with gr.Accordion("The model", open=False):
        card = gr.Markdown(parts.card_of(FAMILY, start))
    model.change(lambda name: parts.card_of(FAMILY, name), model, card, **HIDDEN)
    parts.how_it_works(HOW)
    ctx.share(model=model)
    titles = {sub.name: sub.title for sub in SUBTABS}
    ctx.demo.load(None, None, None, js=_OPEN % (ctx.tab, titles))
    tab_api.add()


_REMEMBER = """() => {
  if (navigator.userActivation.hasBeenActive) window.genapp.url.set('%s.sub', '%s', '%s');
}"""
_OPEN = """() => {
  const wanted = new URLSearchParams(location.search).get('%s.sub');
  const title = (%s)[wanted];
  const find = () => [...document.querySelectorAll('#bert-tabs button')]
    .find((tab) => tab.textContent.trim() === title && !tab.closest('.visually-hidden'));
  const press = (left) => {  // on a narrow screen the last ones are in a menu
    if (find()) return find().click();
    if (left === 30) document.querySelector('#bert-tabs .overflow-menu button')?.click();
    if (left) setTimeout(() => press(left - 1), 100);
  };
  if (title) press(50);
}"""
