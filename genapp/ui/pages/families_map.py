"""Encoder, decoder or both: which transformer is used for what, where we show it, what to read."""

import html
from collections.abc import Mapping

from genapp.ui.places import link

GROUPS = (  # (name, how it reads, shape of its mask, [(model, place)], [(use, place)])
    (
        "Encoder",
        "Every token sees every other: the whole text is there before anything is said.",
        "full",
        [("BERT", "Attention/bert"), ("Vision Transformer (ViT)", "Vision")],
        [
            ("Filling a gap, judging a pair", "Attention/bert"),
            ("Comparing sentences", "Attention/measures"),
            ("Protein sequences", ""),
        ],
    ),
    (
        "Decoder",
        "A token sees what came before it: what comes next can be written token by token.",
        "causal",
        [("GPT", "Text/studio"), ("MuseNet, music token by token", "Music")],
        [
            ("Writing on from a prompt", "Text/studio"),
            ("Code completion", ""),
            ("Answering by browsing", ""),
        ],
    ),
    (
        "Encoder and decoder",
        "One half reads it all, the other writes and looks back at what was read.",
        "cross",
        [("Transformer, 2017", "Attention/translator"), ("BART", "Attention/bart")],
        [
            ("Translation", "Attention/translator"),
            ("Summaries", "Attention/bart"),
            ("Captions of pictures", "Vision/captions"),
        ],
    ),
)

READING = (  # (title, address, why)
    ("The Annotated Transformer", "https://nlp.seas.harvard.edu/annotated-transformer/",
     "the 2017 paper, line by line as code"),
    ("The Illustrated Transformer", "https://jalammar.github.io/illustrated-transformer/",
     "the same in pictures"),
    ("The Illustrated GPT-2", "https://jalammar.github.io/illustrated-gpt2/",
     "OpenAI's decoder in pictures"),
    ("labml.ai", "https://nn.labml.ai/", "sixty papers as annotated code"),
    ("NLP Course For You", "https://lena-voita.github.io/nlp_course.html",
     "Lena Voita's course, with exercises"),
    ("YSDA NLP course", "https://github.com/yandexdataschool/nlp_course", "lectures and notebooks"),
    ("transformers-ru", "https://github.com/vlarine/transformers-ru",
     "a list of transformers trained on Russian"),
    ("GPT-J", "https://github.com/kingoflolz/mesh-transformer-jax",
     "six billion open parameters, 2021"),
    ("Codex", "https://arxiv.org/abs/2107.03374", "a GPT trained on code, and how to test one"),
    ("WebGPT", "https://arxiv.org/abs/2112.09332", "a GPT that looks things up and cites"),
    ("Alpaca", "https://github.com/tatsu-lab/stanford_alpaca",
     "following instructions, on a small budget"),
    ("vit-pytorch", "https://github.com/lucidrains/vit-pytorch",
     "vision transformers, a short file each"),
    ("Visual Transformers", "https://arxiv.org/abs/2006.03677",
     "Wu et al. 2020: tokens from feature maps; not the ViT, which is a Vision Transformer"),
    ("Non-local networks", "https://arxiv.org/abs/1711.07971",
     "attention in a convolutional network, 2017"),
    ("CCNet", "https://arxiv.org/abs/1811.11721", "the same along rows and columns only"),
)  # fmt: skip


def family_map(known: Mapping[str, str]) -> str:
    """HTML. ``known``: :func:`genapp.ui.places.places`."""
    return f'<div class="family-map">{"".join(_group(*group, known) for group in GROUPS)}</div>'


def _group(
    name: str,
    reads: str,
    mask: str,
    models: list[tuple[str, str]],
    uses: list[tuple[str, str]],
    known: Mapping[str, str],
) -> str:
    def items(pairs: list[tuple[str, str]]) -> str:
        return "".join(f"<li>{link(text, place, known)}</li>" for text, place in pairs)

    return (
        f"<section><header>{_mask(mask)}<h4>{name}</h4></header><p>{reads}</p>"
        f"<h5>Models</h5><ul>{items(models)}</ul><h5>Used for</h5><ul>{items(uses)}</ul></section>"
    )


def _mask(kind: str, n: int = 5) -> str:
    """A little attention map: who may look (rows) at whom (columns)."""
    seen = {
        "full": lambda i, j: True,
        "causal": lambda i, j: j <= i,
        "cross": lambda i, j: j < 3 or (i >= 3 and j <= i),  # three tokens read, two written
    }[kind]
    cells = "".join(
        f'<rect x="{7 * j}" y="{7 * i}" width="6" height="6" rx="1"'
        f' opacity="{1 if seen(i, j) else 0.15}"/>'
        for i in range(n)
        for j in range(n)
    )
    return f'<svg viewBox="0 0 34 34" width="34" height="34" aria-hidden="true">{cells}</svg>'


def reading_list() -> str:
    """HTML: titles with addresses and a line each."""
    rows = "".join(
        f'<li><a href="{address}" target="_blank" rel="noopener">{html.escape(title)}</a>'
        f" <span>{html.escape(why)}</span></li>"
        for title, address, why in READING
    )
    return f'<ul class="reading">{rows}</ul>'
