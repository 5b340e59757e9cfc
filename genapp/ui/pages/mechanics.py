"""Mechanics: attention as numbers one can change. No model is loaded; the browser computes."""

import gradio as gr

from genapp.mechanics import costs
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.widgets.matrix_lab.widget import matrix_lab

HOW = r"""
A token is a row $x$ of $X$. Three learned matrices make a question $q = x W_q$, an answer
$k = x W_k$ and a message $v = x W_v$ of it. A score $q \cdot k$ says how well an answer fits a
question; divided by $\sqrt{d_k}$, the scores keep unit spread whatever the width. A mask puts
$-\infty$ where looking is forbidden. The softmax turns each row of scores into shares of 1, and the
output is each row's share of the messages:

$$\operatorname{Attention}(Q, K, V) =
\operatorname{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}} + M\right) V$$

Everything on this page is computed in your browser in double precision, by the same functions as
`genapp/mechanics` in Python, which the tests hold against printed results.

Bahdanau et al. 2015 · Luong et al. 2015 · Vaswani et al. 2017 · Child et al. 2019 · Liu et al. 2021
· Xiong et al. 2020.
"""


def build(ctx: Context) -> None:
    """The lab, and its two measurements as HTTP endpoints."""
    parts.story(
        "Attention is a handful of small matrices. Here they are, with every number in your hands.",
        "change a number of X, untick <i>scale</i>, tick <i>causal</i>; then take another lesson.",
    )
    matrix_lab(elem_id="matrix-lab", label="Matrix lab", show_label=False)
    parts.how_it_works(HOW)
    gr.api(time_layers, api_name="time_layers", concurrency_id="model")


def time_layers(lengths: list[int], width: int = 128) -> dict[str, list[float]]:
    """Milliseconds of one GRU layer and one self-attention layer on the server's CPU.

    Args:
        lengths: one to eight sequence lengths, each 1 to 2,048 tokens.
        width: width of a token, 8 to 512.

    Returns:
        ``{"gru": [...], "attention": [...]}``, one time per length.
    """
    return costs.measure(lengths, width)
