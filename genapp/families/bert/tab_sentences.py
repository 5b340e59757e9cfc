"""*Sentences*: each as one vector; which are near, and where they lie on a map."""

import html
from typing import Any

import gradio as gr
import numpy as np

from genapp.errors import UserError
from genapp.families.bert import tab_charts
from genapp.families.bert.tab_fill_views import note
from genapp.families.bert.tab_work import HIDDEN, LIVE, call, on_open, panel, told
from genapp.ui import parts
from genapp.ui.context import Context

MOST = 16
PRESETS = {
    "three subjects": (
        "The king lived in a castle.\nThe queen had a golden crown.\nThe prince married her.\n"
        "The film was boring and far too long.\nA terrible movie with bad acting.\n"
        "I loved every minute of it.\nThe company said its profits rose last year.\n"
        "Shares fell after the report.\nThe government will raise taxes."
    ),
    "the lecture's three": "привет мир\nhello world\nпредложение подлиннее для проверки",
    "long and short": (
        "Stop!\nStop at once, or I shall call the king and all of his soldiers!\n"
        "The fox ran into the wood.\nA fox, as everybody knows, is a clever animal, and this one "
        "ran away into the dark wood as fast as it could."
    ),
}
HOW = r"""
A sentence's vector is made of its tokens' vectors $x_1 \dots x_T$ after a layer: their **mean**,
their **maximum** in each dimension, or **[CLS]** alone. It has the same size however long the
sentence is, and is scaled to length 1, so that the cosine is a dot product: $u \cdot v$.

Sentences read together are padded to one length. Pads are hidden from attention and left out of
the mean, so a vector does not depend on its company; the line under the matrix measures that.

BERT was not trained for this: nothing in its two tasks makes the cosine of two sentences mean how
alike they are. Most pairs are near 1, and only the differences between cosines tell something
(Reimers & Gurevych 2019 train on pairs for that reason).
"""


def build(ctx: Context, model: gr.Dropdown) -> None:
    """Lays the sub-tab out."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            texts = gr.Textbox(
                PRESETS["three subjects"], label="Sentences", lines=9, max_lines=16,
                info=f"one a line, up to {MOST}", max_length=3_000, elem_id="bert-sentences",
            )  # fmt: skip
            with gr.Row():
                buttons = [gr.Button(name, size="sm", min_width=100) for name in PRESETS]
            how = gr.Radio(["mean", "cls", "max"], value="mean", label="Pooling")
            centred = gr.Checkbox(
                False, label="Subtract the mean of all", info="what they share hides what differs"
            )
            go = gr.Button("Compare", variant="primary")
        with gr.Column(scale=6, min_width=320):
            view = panel("bert-matrix")
    parts.how_it_works(HOW, "What a sentence's vector is")
    inputs = [model, texts, how, centred]
    events = [go.click, how.input, centred.input, model.change]
    gr.on(events, told(compare), inputs, view, **LIVE)
    for name, button in zip(PRESETS, buttons, strict=True):
        pressed = button.click(_preset(name), None, texts, **HIDDEN)
        pressed.then(told(compare), inputs, view, **LIVE)
    ctx.share(sentences=texts, pooling=how, centred=centred)
    on_open(ctx, compare, view, note, model=model, sentences=texts, pooling=how, centred=centred)


def _preset(name: str) -> Any:
    return lambda: PRESETS[name]


def lines_of(texts: str) -> list[str]:
    """One sentence a line; raises :class:`UserError` for fewer than two or too many."""
    found = [line.strip() for line in texts.splitlines() if line.strip()]
    if not 2 <= len(found) <= MOST:
        raise UserError(f"There are {len(found)} sentences", f"give 2 to {MOST}, one a line.")
    return found


def compare(model: str, texts: str, how: str, centred: bool = False) -> str:
    """Cosine matrix, nearest neighbours, map, and the two checks."""
    found = lines_of(texts)
    together = call("vectors:vectors", model, found)
    X = np.stack([call_pooled(words, how) for words in together])  # (N, C)
    alone = np.stack([call_pooled(call("vectors:vectors", model, [t])[0], how) for t in found])
    drift, norm = float(np.abs(X - alone).max()), np.linalg.norm(X, axis=1)
    if centred:
        X = X - X.mean(0)
        X /= np.linalg.norm(X, axis=1, keepdims=True).clip(1e-9)
    S = X @ X.T
    checks = (
        f"{X.shape[1]} numbers each, from {min(len(w.tokens) for w in together)} to "
        f"{max(len(w.tokens) for w in together)} tokens. Length {norm.min():.6f} to "
        f"{norm.max():.6f}; padding moved a number by at most {drift:.0e}."
    )
    points, shares = _pca(X)
    told = f"The map keeps {100 * shares.sum():.0f} % of what differs (PCA)."
    return (
        f"{_matrix(found, S)}<p class='bt-note'>{checks}</p>{tab_charts.scatter(points, found)}"
        f"<p class='bt-note'>{told}</p>"
    )


def call_pooled(words: Any, how: str) -> np.ndarray:
    """A sentence's vector of length 1."""
    from genapp.families.bert.vectors import pooled

    return pooled(words, how)


def _matrix(found: list[str], S: np.ndarray) -> str:
    others = S[~np.eye(len(S), dtype=bool)]
    low, high = float(others.min()), float(others.max())
    head = "".join(f"<th>{i + 1}</th>" for i in range(len(found)))
    rows = []
    for i, text in enumerate(found):
        best = int(np.argmax(np.where(np.arange(len(S)) == i, -2, S[i])))
        cells = "".join(
            f'<td style="--h: {max(0.0, min(1.0, (v - low) / max(high - low, 1e-9))):.3f}">'
            f"{v:.2f}</td>" for v in S[i]
        )  # fmt: skip
        rows.append(
            f'<tr><th title="{html.escape(text)}">{i + 1} {html.escape(text)}</th>{cells}'
            f"<th>→ {best + 1}</th></tr>"
        )
    return (
        f'<div class="bt-wide"><table class="bt-heat"><tr><th></th>{head}<th>nearest</th></tr>'
        f"{''.join(rows)}</table></div>"
    )


def _pca(X: np.ndarray) -> tuple[list[tuple[float, float]], np.ndarray]:
    """Places on the two axes along which the vectors differ most, and the axes' shares."""
    centred = X - X.mean(0)
    U, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = (U * sizes)[:, :2]
    shares = sizes[:2] ** 2 / max(float((sizes**2).sum()), 1e-12)
    return [(float(x), float(y)) for x, y in places], shares
