"""*Words in context*: one word, two sentences, two vectors."""

import html
import json
import re
from typing import Any

import gradio as gr
import numpy as np

from genapp import checkpoints
from genapp.data import glove
from genapp.errors import UserError
from genapp.families.bert import tab_charts
from genapp.families.bert.tab_fill_views import note
from genapp.families.bert.tab_work import DEFAULT, FAMILY, HIDDEN, LIVE, call, on_open, panel, told
from genapp.ui import parts
from genapp.ui.context import Context

EXAMPLES = (  # word, two sentences
    ("water", "I need to water the plant.", "The ocean is full of water."),
    ("light", "The box was light and easy to carry.", "He saw a great light in the sky."),
    ("saw", "He cut the tree with a saw.", "The fox saw the grapes."),
    ("kind", "She was always kind to the poor.", "What kind of film is this?"),
    ("left", "He left the house in the morning.", "She held it in her left hand."),
)
ELMO = r"""
A **static table** (word2vec, GloVe) has one vector a word: whatever stands around it, the cosine
of the word with itself is 1.

**ELMo** (Peters et al. 2018) reads a sentence with two LSTM language models, one from the left and
one from the right, and mixes their layers: $\mathrm{ELMo}_k = \gamma \sum_j s_j h_{k,j}$ with
weights $s_j$ that each task learns. Nothing is masked: the forward model guesses the next word,
the backward model the one before. Each direction sees its own half of the sentence only.

**BERT** reads both sides at once, in every layer; that is why it has to hide the words it is asked
for. Its first row here, *input*, is the token's vector plus segment and position, so two places in
a sentence differ a little before any layer has looked around.
"""


def build(ctx: Context, model: gr.Dropdown) -> None:
    """Lays the sub-tab out."""
    word, one, two = EXAMPLES[0]
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            named = gr.Textbox(word, label="Word", max_length=40, elem_id="bert-word")
            first = gr.Textbox(one, label="In one sentence", max_length=400, elem_id="bert-one")
            second = gr.Textbox(two, label="In another", max_length=400, elem_id="bert-two")
            layer = gr.Slider(0, 4, value=4, step=1, label="Layer", info="0 is the input",
                              elem_id="bert-layer")  # fmt: skip
            go = gr.Button("Compare", variant="primary")
        with gr.Column(scale=6, min_width=320):
            view = panel("bert-cosines")
    examples = gr.Dataset(
        components=["textbox"], samples=[[f"{w}: {a} / {b}"] for w, a, b in EXAMPLES],
        label="Try one of these", elem_id="bert-word-examples",
    )  # fmt: skip
    contexts = panel("bert-contexts")
    parts.how_it_works(ELMO, "Static tables, ELMo, BERT")
    inputs = [model, named, first, second, layer]
    outputs = [view, contexts]
    asks = [go.click, named.submit, first.submit, second.submit, layer.change]
    gr.on(asks, told(compare), inputs, outputs, **LIVE)
    model.change(_fit, model, layer, **HIDDEN)
    picked = examples.select(_example, None, [named, first, second], **HIDDEN)
    picked.then(told(compare), inputs, outputs, **LIVE)
    ctx.share(word=named, one=first, two=second, layer=layer)
    on_open(
        ctx, compare, outputs, lambda words: [note(words), ""], model=model, word=named,
        one=first, two=second, layer=layer,
    )  # fmt: skip


def _example(event: gr.SelectData) -> tuple[str, str, str]:
    return EXAMPLES[int(event.index)]


def _fit(model: str) -> Any:
    """The slider with as many layers as the model has."""
    folder = checkpoints.find(FAMILY).get(model)
    layers = 4 if folder is None else int(checkpoints.read_meta(folder).config["layers"])
    return gr.Slider(maximum=layers, value=layers)


def compare(model: str, word: str, one: str, two: str, layer: float) -> list[str]:
    """Cosine of a word's two vectors after every layer, and the contexts nearest to each."""
    word = word.strip().lower()
    both = call("vectors:vectors", model, [one, two])
    pieces = call("reading:pieces_of", model)
    wanted = [pieces.name(i) for i in pieces.encode(word)]
    a, b = (_at(words, wanted, word, text) for words, text in zip(both, (one, two), strict=True))
    cosines = [_cosine(x, y) for x, y in zip(a, b, strict=True)]
    at = min(int(layer), len(cosines) - 1)
    curves = {
        "BERT": list(enumerate(cosines)),
        "static table": [(0, 1.0), (len(cosines) - 1, 1.0)],
    }
    low = min(0.0, *cosines)
    chart = tab_charts.lines(curves, "layer", f"cosine of “{html.escape(word[:12])}”", low, 1)
    rows = "".join(
        f"<tr><td>{name}</td><td>{value}</td><td>{nearest}</td></tr>"
        for name, value, nearest in _static(model, pieces.encode(word), word)
    )
    rows += (
        f'<tr><td>BERT, layer {at}</td><td class="met">{cosines[at]:.3f}</td>'
        "<td>see below</td></tr>"
    )
    table = (
        '<div class="bt-wide"><table class="bt-table"><tr><th>vectors</th><th>cosine</th>'
        f"<th>nearest words</th></tr>{rows}</table></div>"
    )
    return [chart + table, _contexts(model, wanted, word, [a, b], [one, two], at)]


def _at(words: Any, wanted: list[str], word: str, text: str) -> np.ndarray:
    """(L + 1, C): the mean over the word's pieces, where it first stands."""
    for i in range(len(words.tokens)):
        if wanted and list(words.tokens[i : i + len(wanted)]) == wanted:
            return words.layers[:, i : i + len(wanted)].mean(1)  # type: ignore[no-any-return]
    raise UserError(f"“{word[:40]}” does not stand in “{text[:60]}”", "use it in both sentences.")


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def _static(model: str, ids: list[int], word: str) -> list[tuple[str, str, str]]:
    """Rows of the static tables: the same vector twice, and the words nearest to it."""
    table = call("vectors:table", model)
    pieces = call("reading:pieces_of", model)
    x = table[ids].mean(0)
    order = np.argsort(-(table @ x) / np.linalg.norm(table, axis=1).clip(1e-9))
    near = [n for i in order[:40] if (n := pieces.name(int(i))).isalpha() and n != word][:5]
    rows = [("BERT's own token table", f"{_cosine(x, x):.3f}", ", ".join(map(html.escape, near)))]
    found = glove.twitter()
    if found is not None:
        known, vectors = found
        if word in known:
            x = vectors[known[word]]
            names = list(known)
            near = [names[i] for i in np.argsort(-(vectors @ x))[1:6]]
            rows.append(("GloVe Twitter, 25 d", f"{_cosine(x, x):.3f}", ", ".join(near)))
        else:
            rows.append(("GloVe Twitter, 25 d", "—", "not among its 11,925 words"))
    return rows


def _contexts(
    model: str, wanted: list[str], word: str, mine: list[np.ndarray], texts: list[str], layer: int
) -> str:
    """For each sentence the held-out ones in which the word's vector is nearest."""
    folder = checkpoints.find(FAMILY).get(DEFAULT)
    path = None if folder is None else folder / "held_out.json"
    known = json.loads(path.read_text("utf-8"))["contexts"] if path and path.exists() else {}
    if word not in known:
        some = ", ".join(list(known)[:12])
        return note(f"Held-out contexts are kept for: {some}.") if known else ""
    found = call("vectors:vectors", model, known[word])
    columns = []
    vectors = [
        _at(words, wanted, word, t)[layer] for words, t in zip(found, known[word], strict=True)
    ]
    for x, text in zip(mine, texts, strict=True):
        scored = sorted(
            ((_cosine(x[layer], v), t) for v, t in zip(vectors, known[word], strict=True)),
            reverse=True,
        )
        lines = "".join(
            f'<p class="bt-context"><small>{c:.2f}</small>{_marked(t, word)}</p>'
            for c, t in scored[:3]
        )
        columns.append(
            f"<div><p class='bt-small'>nearest to “{html.escape(text)}”</p>{lines}</div>"
        )
    title = f"Held-out sentences with “{html.escape(word)}”, nearest first, at layer {layer}"
    return f'<h4>{title}</h4><div class="bt-two">{"".join(columns)}</div>'


def _marked(text: str, word: str) -> str:
    pattern = re.compile(rf"\b({re.escape(html.escape(word))})\b", re.IGNORECASE)
    return pattern.sub(r"<b>\1</b>", html.escape(text))
