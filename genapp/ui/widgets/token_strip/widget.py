"""The token strip: a text as tokens, each coloured by how the model saw it.

Handlers yield the whole value; Gradio sends the difference and the browser appends what is new, so
a growing text is never drawn twice. A token travels as one line of JSON: Gradio walks every list
and dict that passes it, and at twenty updates a second that would cost more than the model.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent
FACTS = ("id", "text", "p", "rank", "entropy", "chance", "label")  # of a token, in this order
MODES = ("probability", "surprise", "rank", "entropy")


def token_strip(
    label: str,
    empty: str,
    clickable: bool = True,
    fixed: bool = True,
    modes: Sequence[str] = MODES,
    status: str = "",
    note: str = "",
    **about: Any,
) -> gr.HTML:
    """The widget, coloured by the first of ``modes`` until another is chosen.

    A click on a token sends the event ``select`` with its ``index``. ``fixed`` keeps
    the height while a text grows. ``status`` and ``note`` are shown until the first value arrives.
    """
    return gr.HTML(
        value=value([], status=status, note=note),  # type: ignore[arg-type]
        html_template="",
        js_on_load=(HERE / "widget.js").read_text("utf-8"),
        head=f"<style>{(HERE / 'widget.css').read_text('utf-8')}</style>",
        apply_default_css=False,
        label=label,
        empty=empty,
        clickable=clickable,
        fixed=fixed,
        modes=list(modes),
        **about,
    )


def token(
    id: int,
    text: str,
    p: float,
    rank: int,
    entropy: float | None = None,
    others: Sequence[tuple[str, float]] = (),
    chance: float | None = None,
    label: str = "",
) -> str:
    """One token of the value.

    ``p``, ``rank`` (1 = likeliest) and ``entropy`` (nats) are the model's own, ``chance`` is after
    the sampler. ``others`` are (label, p) of what could have come; ``label`` is the token's name
    where ``text`` isn't, as for a part of a character.
    """
    head = [id, text, _short(p), rank, entropy and round(entropy, 3), chance and _short(chance)]
    name = "" if label == text else label
    rest = [fact for word, q in others for fact in (word, _short(q))]
    return json.dumps([*head, name, *rest], ensure_ascii=False, separators=(",", ":"))


def _short(x: float) -> float:
    return float(f"{x:.3g}")


def mark(text: str) -> str:
    """A sign that is shown but isn't part of the text, such as ∎ where the story ends."""
    return token(-1, text, 1.0, 1)


def value(
    tokens: Sequence[str],
    *,
    run: str = "",
    prompt: str = "",
    status: str = "",
    note: str = "",
    picked: int | None = None,
    settings: Mapping[str, Any] | None = None,
    **more: str,
) -> dict[str, Any]:
    """The strip's value, flat: Gradio copies lists and dicts inside a value at every update.

    A new ``run`` clears the strip; ``status`` is "writing" or "done"; ``settings`` enter the
    downloads, as JSON. ``more`` comes back when the strip is a handler's input.
    """
    return {
        "tokens": "".join(line + "\n" for line in tokens),
        "run": run,
        "prompt": prompt,
        "status": status,
        "note": note,
        "picked": picked,
        "settings": json.dumps(dict(settings or {}), ensure_ascii=False),
        **more,
    }


def tokens(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The tokens of a value that came back from the browser, marks left out, as dicts of
    :func:`token`'s arguments.

    Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what the strip didn't make.
    """
    parsed = [json.loads(line) for line in value["tokens"].split("\n") if line]
    named = [dict(zip(FACTS, facts, strict=False)) for facts in parsed]
    for facts, raw in zip(named, parsed, strict=True):
        rest = raw[len(FACTS) :]
        facts["others"] = list(zip(rest[::2], rest[1::2], strict=True))
    return [facts for facts in named if facts["id"] >= 0]


def text(value: dict[str, Any]) -> str:
    """Prompt and tokens as plain text; raises as :func:`tokens` does."""
    return value["prompt"] + "".join(t["text"] for t in tokens(value))
