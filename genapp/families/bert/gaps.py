"""The gap strip: a text as tokens to hide with a click, and what the model would put there.

A click sends ``select`` with the token's ``index``; a click on a candidate adds its ``word``.
"""

import json
from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent


def gap_strip(label: str, **about: Any) -> gr.HTML:
    """The widget; empty until the first value."""
    return gr.HTML(
        value={"data": "", "note": ""},  # type: ignore[arg-type]
        html_template="",
        js_on_load=(HERE / "gaps.js").read_text("utf-8"),
        head=f"<style>{(HERE / 'gaps.css').read_text('utf-8')}</style>",
        apply_default_css=False,
        label=label,
        **about,
    )


def value(frame: Any, a: str, b: str, model: str) -> dict[str, str]:
    """A :class:`~genapp.families.bert.generate.Filled` of sentences ``a`` and ``b``.

    It travels as one string: Gradio copies lists and dicts inside a value at every update.
    """
    gaps = [
        {"place": g.place, "truth": g.truth, "p": g.p_truth, "guesses": g.guesses}
        for g in frame.gaps
    ]
    shown = {
        "tokens": frame.tokens, "kinds": frame.kinds, "split": frame.split, "gaps": gaps,
        "a": a, "b": b, "model": model,
    }  # fmt: skip
    words = [f"{len(frame.tokens)} tokens", f"{1000 * frame.seconds:.0f} ms"]
    note = " · ".join([*words, *([frame.notice] if frame.notice else [])])
    return {"data": json.dumps(shown, ensure_ascii=False), "note": note}


def parts_of(value: Any) -> dict[str, Any]:
    """What :func:`value` packed; ``ValueError`` and friends for anything else."""
    data = json.loads(value["data"])
    return {
        "a": str(data["a"]),
        "b": str(data["b"]),
        "model": str(data["model"]),
        "places": [int(gap["place"]) for gap in data["gaps"]],
    }
