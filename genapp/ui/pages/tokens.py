"""Tokens: how text becomes pieces, how the pieces were learned, and what a model makes of them."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from genapp.tokens import bpe, splitters, tables
from genapp.tokens.check import LONGEST
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.pages import tokens_data as data
from genapp.ui.widgets.token_lab.widget import card, value

TEXTS = {
    "Unfriendly 🙂 нейросеть": "Unfriendly 🙂 нейросеть",
    "word family": "нейросеть, сетка, сеть: нейронные сети",
    "Swedish compound": "Flaggstångsknoppspoleringsmedel",
    "Japanese": "ニューラルネットワークはとても簡単です",
    "emoji": "🙂 👩‍🚀 🇺🇦 👍🏽",
    "fable": "A hungry Fox saw some fine bunches of Grapes hanging from a vine. Bob saw them, too.",
    "«Нейронные сети…»": "Нейронные сети - это очень просто и увлекательно",
}
OPENING = next(iter(TEXTS.values()))
PAPER = "low " * 5 + "lower " * 2 + "newest " * 6 + "widest " * 3
FRIENDS = (
    "friend friends friendly unfriendly unkind kindly friendship unhappy happily undo unfold "
    "slowly gladly friendly friend unlock kind kindness"
)
CORPORA = {  # title → (corpus, merges, a word to cut by them)
    "the paper's example": (PAPER.strip(), 10, "lowest"),
    "un + friend + ly": (FRIENDS, 40, "unfriendly"),
    "нейросеть, сетка, сеть": (
        "сеть сети сетка сетки нейросеть нейросети нейрон нейроны", 24, "нейросетка",
    ),
}  # fmt: skip
OPEN_AT = 4  # merges done when the page opens
QUERIES = (
    "boy - he + she = girl",
    "fox",
    "king - man + woman = queen",
    "happy",
    "two",
)
FACTS = """
- **A word model can't write a word it hasn't seen**; a character model can, at the price of long
  sequences. Choose *Words* and *Characters* above and compare the hatched pieces.
- **Lower case merges names with things**: *Fox* and *fox*, but also *Bob* and *bob*. The vocabulary
  shrinks, the capital is lost for good: the text no longer *comes back*.
- **A least count cuts off the tail**: with "seen 6 times or more", the compounds go first, and a
  language that builds them loses most.
- **A stem is no word**: *сеть* and *сети* become *сет*, *ponies* becomes *poni*. Good for search,
  useless for writing. *Known forms* keeps words, yet only such as the corpus holds.
- **Bytes have no unknown**: 256 of them write everything. GPT-2's 50,257 tokens are 256 bytes,
  50,000 merges and one end mark. GPT-mini learned its 4,096 from English books, so each Cyrillic
  letter costs it two tokens, and an emoji four or more.
"""
HOW = r"""
**BPE** (Sennrich, Haddow and Birch 2016) counts neighbouring pairs over all words, joins the most
frequent, and repeats; to cut a new word, the merges are replayed in order. Equal counts need a
rule: here the pair seen first, or, as in the `tokenizers` library, the one with the lowest ids.
**WordPiece** (Wu et al. 2016) learns alike and cuts by the longest match. **Unigram** (Kudo 2018)
starts from many pieces, drops those whose loss costs least likelihood, and cuts in the likeliest
way. **Byte-level BPE** (Radford et al. 2019) joins UTF-8 bytes, so that nothing is unknown.

**Vectors.** Closeness is the cosine of two rows, $\cos(a, b) = a^\top b / (\|a\|\,\|b\|)$. An
analogy adds and subtracts rows of length 1 and ranks all others, the words of the question left
out (Mikolov et al. 2013): without that rule the answer would often be one of them.

**GloVe** (Pennington, Socher and Manning 2014) fits $w_i^\top \tilde w_j + b_i + \tilde b_j$ to the
log of how often words meet in a window of ten, a pair $k$ apart counting $1/k$:

$$J = \sum_{ij} f(X_{ij})\,\bigl(w_i^\top \tilde w_j + b_i + \tilde b_j - \log X_{ij}\bigr)^2,
\qquad f(x) = \min\bigl(1, (x/100)^{0.75}\bigr)$$

with AdaGrad at 0.05. "6B" in the name of its best known file is 6 billion *tokens of text*; the
vectors are 400,000. Learned here on 200,000 characters, it knows who comes with whom in our little
stories and not much more.
"""
EMBEDDING = r"""
An embedding layer is a **look-up**: ids $[B, T]$ pick rows of a table $[V, D]$ and give
$[B, T, D]$. It equals a linear layer without bias fed with one-hot rows, $x = e_{id}^\top W$, but
nothing is multiplied. Only rows that were read get a gradient. For Aesop's 4,169 words and
$D = 100$ the table holds 416,900 weights. Compare *trained*, *untrained* and *GloVe* on the map
above: training is what gives it a shape.
"""


def build(ctx: Context) -> None:
    """Lays out the four cards, the folds, and the endpoints."""
    parts.story(
        "A model never sees letters. It sees numbers of pieces, and somebody had to choose them.",
        "type a word of your own; then press <i>Play</i> in the merge player, and look what the "
        "emoji is made of.",
    )
    text = _text_box(ctx)
    _bench(ctx, text)
    _merges(ctx)
    bytes_view = card("bytes", ctx.tab, elem_id="tokens-bytes", label="Bytes")
    _live(ctx, data.utf8, [text], bytes_view)
    _vectors(ctx)
    with gr.Accordion("The embedding layer: a look-up", open=False):
        parts_of = card("lookup", ctx.tab, elem_id="tokens-lookup", label="Look-up")
        _live(ctx, data.look_up, [text], parts_of)
        gr.Markdown(EMBEDDING, latex_delimiters=[{"left": "$", "right": "$", "display": False}])
    with gr.Accordion("What to notice", open=False):
        gr.Markdown(FACTS)
    parts.how_it_works(HOW)
    for endpoint in (data.tokenize, data.bpe_merges, data.utf8_bytes, data.nearest_tokens):
        gr.api(endpoint, api_name=endpoint.__name__)


def _text_box(ctx: Context) -> gr.Textbox:
    text = gr.Textbox(
        OPENING, label="Text", lines=2, max_lines=6, max_length=LONGEST, elem_id="tokens-text",
        info="the bench, the bytes and the look-up follow as you type",
    )  # fmt: skip
    _choices(text, TEXTS)
    ctx.share(text=text)
    return text


def _choices(box: gr.Textbox, texts: dict[str, str]) -> None:
    """A button per preset; the browser fills the box by itself."""
    with gr.Row():
        for name, words in texts.items():
            pressed = gr.Button(name, size="sm", min_width=80)
            pressed.click(
                lambda words=words: words, None, box,
                show_progress="hidden", api_visibility="private",
            )  # fmt: skip


def _bench(ctx: Context, text: gr.Textbox) -> None:
    with gr.Row(equal_height=True):
        learned = gr.Dropdown(
            [(title, key) for key, title in splitters.CORPORA.items()], value="stories",
            label="Vocabularies learned from", scale=2, min_width=180, elem_id="tokens-learned",
        )  # fmt: skip
        size = gr.Dropdown(
            list(splitters.SIZES), value=1024, label="Pieces", min_width=90,
            elem_id="tokens-size",
        )  # fmt: skip
        least = gr.Slider(
            1, splitters.MOST_COUNT, 1, step=1, label="Least count of a word", scale=2,
            min_width=180, elem_id="tokens-least",
        )  # fmt: skip
        with gr.Column(min_width=150, scale=1):
            lower = gr.Checkbox(False, label="Lower case", elem_id="tokens-lower")
            signs = gr.Checkbox(True, label="Signs are tokens", elem_id="tokens-signs")
    shown = card("bench", ctx.tab, elem_id="tokens-bench", label="Splitter bench")
    _live(ctx, data.bench, [text, learned, size, lower, signs, least], shown)
    ctx.share(learned=learned, pieces=size, lower=lower, signs=signs, least=least)


def _merges(ctx: Context) -> None:
    corpus, count, _ = CORPORA["the paper's example"]
    with gr.Row(equal_height=True):
        text = gr.Textbox(
            corpus, label="Corpus to learn merges from", lines=2, max_lines=5, scale=4,
            max_length=bpe.LONGEST_CORPUS, min_width=260, elem_id="merges-corpus",
        )  # fmt: skip
        most = gr.Slider(
            1, bpe.MOST_MERGES, count, step=1, label="Merges", scale=2, min_width=160,
            elem_id="merges-count",
        )  # fmt: skip
        ties = gr.Dropdown(
            [("first seen", "first"), ("lowest ids", "lowest")], value="first",
            label="Of equal pairs", min_width=120, elem_id="merges-ties",
        )  # fmt: skip
        end = gr.Checkbox(True, label="⟂ ends a word", min_width=160, elem_id="merges-end")
    with gr.Row():
        presets = [gr.Button(name, size="sm", min_width=80) for name in CORPORA]
    shown = card("merges", ctx.tab, elem_id="tokens-merges", label="Merge player")
    for (words, merges, _), button in zip(CORPORA.values(), presets, strict=True):
        button.click(
            lambda words=words, merges=merges: (words, merges), None, [text, most],
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip

    def played(corpus: str, merges: float, end_mark: bool, ties: str) -> dict[str, Any]:
        word = {words: word for words, _, word in CORPORA.values()}.get(corpus, "lowest")
        return data.merges(corpus, merges, end_mark, ties, OPEN_AT, word)

    _live(ctx, played, [text, most, end, ties], shown)
    ctx.share(corpus=text, merges=most, ties=ties, end=end)


def _vectors(ctx: Context) -> None:
    found = [(title, key) for key, title in tables.tables().items()]
    with gr.Row(equal_height=True):
        query = gr.Textbox(
            QUERIES[0], label="A word, or a sum of words", max_length=200, lines=1, max_lines=1,
            scale=3, min_width=240, elem_id="vectors-query",
            info="after = stands the word you hope for",
        )  # fmt: skip
        table = gr.Dropdown(
            found, value=found[0][1], label="Vectors", scale=2, min_width=200,
            info="GloVe-mini takes some seconds to learn, once", elem_id="vectors-table",
        )  # fmt: skip
    _choices(query, dict(zip(QUERIES, QUERIES, strict=True)))
    shown = card("vectors", ctx.tab, elem_id="tokens-vectors", label="Vectors")
    _live(ctx, data.vectors, [query, table], shown)

    def picked(event: gr.EventData) -> str:
        return str(event.word)[:200]

    shown.select(picked, None, query, show_progress="hidden", api_visibility="private")
    ctx.share(query=query, table=table)


def _live(
    ctx: Context, function: Callable[..., dict[str, Any]], inputs: Sequence[Any], shown: gr.HTML
) -> None:
    """Draws when the page opens and whenever an input changes, be it by hand, preset or link.

    One at a time, in order: the answer for a link's values must not be overtaken by the opening's.
    """

    def drawn(*values: Any) -> dict[str, str]:
        return value(function(*values))

    about: dict[str, Any] = {
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_id": f"tokens-{shown.elem_id}",
        "concurrency_limit": 1,
    }
    ctx.demo.load(drawn, list(inputs), shown, **about)
    for component in inputs:
        component.change(drawn, list(inputs), shown, trigger_mode="always_last", **about)
