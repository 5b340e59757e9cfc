"""Which measure reads the source, the reference, the translation; ours and the learned ones."""

import html
from functools import cache
from pathlib import Path

NEEDS, CAN, NOT = "●", "○", ""
PARTS = ("source", "reference", "translation")
ROWS = (  # (measure, source, reference, translation, how it judges)
    ("BLEU, chrF, TER, ROUGE, exact match", NOT, NEEDS, NEEDS,
     "Counts what both share, or what must be edited."),
    ("BERTScore", NOT, NEEDS, NEEDS,
     "Matches token vectors of a model that was never trained to judge."),
    ("Embedding similarity", CAN, CAN, NEEDS,
     "Cosine of two sentence vectors. With an encoder that knows both languages it compares source "
     "and translation and needs no reference; ours knows one."),
    ("BLEURT", NOT, NEEDS, NEEDS,
     "A BERT warmed up on millions of made-up pairs, then trained on people's ratings."),
    ("Prism", CAN, CAN, NEEDS,
     "A paraphrase scorer, not embedding regression: how likely would a multilingual translation "
     "model write the one, given the other? It learns from no ratings. The source can stand in for "
     "the reference."),
    ("COMET", NEEDS, NEEDS, NEEDS,
     "Encodes all three and regresses to people's ratings; versions without the reference exist."),
    ("UniTE", CAN, CAN, NEEDS,
     "One model for source, reference or both beside the translation, trained on all three forms."),
    ("Perplexity", NOT, NOT, NEEDS,
     "How surprised a language model is, as on the Text page. Fluent nonsense does well."),
    ("distinct-n, self-BLEU", NOT, NOT, NEEDS,
     "How much texts repeat themselves, or one another."),
)  # fmt: skip
NOTE = (
    "● needs it · ○ can use it. BLEURT (Sellam et al. 2020), Prism (Thompson & Post 2020), COMET "
    "(Rei et al. 2020) and UniTE (Wan et al. 2022) are described here, not run."
)


def sees() -> str:
    """HTML: the table and its note."""
    head = "".join(f'<th scope="col" class="dot">{part}</th>' for part in PARTS)
    return (
        f'<table class="sees"><thead><tr><th scope="col">measure</th>{head}'
        f'<th scope="col">how it judges</th></tr></thead>'
        f"<tbody>{''.join(map(_row, ROWS))}</tbody></table>"
        f'<p class="sees-note">{html.escape(NOTE)}</p>'
    )


def _row(row: tuple[str, ...]) -> str:
    name, *dots, how = row
    cells = "".join(
        f'<td class="dot" data-of="{part}">{dot}</td>'
        for part, dot in zip(PARTS, dots, strict=True)
    )
    return f'<tr><th scope="row">{name}</th>{cells}<td>{html.escape(how)}</td></tr>'


@cache
def css() -> str:
    """The sheet of this table, the family map and the reading list."""
    return Path(__file__).with_suffix(".css").read_text("utf-8")
