"""What the Translator's buttons do: translate, one step, align, compare the three models.

The Transformer is another family: everything goes through :mod:`genapp.service`.
"""

import html
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

from genapp import checkpoints, registry, service
from genapp.ui import parts
from genapp.ui.widgets.alignment import widget as alignment

PAINT = 0.06  # s between two updates of the page
MODELS: Mapping[str, tuple[str, str]] = {  # what the radio says → (family, checkpoint)
    "no attention": ("seq2seq", "mt-gru-plain"),
    "attention": ("seq2seq", "mt-gru-attn"),
    "Transformer": ("transformer", "mt-transformer"),
}
LECTURE = "я достаточно умен чтобы этого не делать"
EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {  # (sentence, reference), the first opens
    "Russian": (
        (LECTURE, "I'm smart enough not to do that."),
        ("задача состоит в том, чтобы учиться", "The task is to learn."),
        ("Красная машина стоит перед домом.", "The red car is in front of the house."),
        ("Я не знаю, почему он этого не сделал.", "I don't know why he didn't do that."),
    ),
    "German": (
        ("Kannst du mir helfen diesen Satz zu übersetzen?",
         "Can you help me to translate this sentence?"),
        ("Ich habe gestern einen Brief an meinen Bruder geschrieben.",
         "I wrote a letter to my brother yesterday."),
        ("Die Straße ist lang.", "The street is long."),
    ),
    "French": (
        ("J'ai acheté une voiture rouge.", "I bought a red car."),
        ("Je ne sais pas pourquoi il a dit cela.", "I don't know why he said that."),
        ("La grande maison blanche est vide.", "The big white house is empty."),
    ),
}  # fmt: skip


def model_of(name: str) -> tuple[str, str]:
    """(family, checkpoint) of a choice; the second is the shipped one, or any there is."""
    family, checkpoint = MODELS.get(name, MODELS["attention"])
    found = checkpoints.find(registry.get(family).name)
    return family, checkpoint if checkpoint in found or not found else next(iter(found))


def known_model(model: str) -> None:
    """Raises a message for a name that the radio doesn't have."""
    if model not in MODELS:
        words = f"Unknown model {str(model)[:40]!r} — choose one of {', '.join(MODELS)}."
        parts.unless_failed(service.Failure(words))


def frames(model: str, text: str, **fields: Any) -> Iterator[Any]:
    """The service's frames for a choice of the radio; a failure becomes a message."""
    family, checkpoint = model_of(model)
    for frame in service.stream(family, checkpoint=checkpoint, text=text, **fields):
        yield parts.unless_failed(frame)


def stream(
    model: str, text: str, reference: str, beam: float, align: bool
) -> Iterator[tuple[Any, str]]:
    """The map and the scores, as the translation grows."""
    run, shown = secrets.token_hex(4), 0.0
    asked = {"reference": reference or "", "beam": beam, "align": align}
    for frame in frames(model, text, **asked):
        if frame.done or time.perf_counter() - shown > PAINT:
            shown = time.perf_counter()
            yield drawn(frame, run, model, asked), scored(frame, reference)


def step(
    value: Any, model: str, text: str, reference: str, beam: float, align: bool
) -> tuple[Any, str]:
    """One row more of the same translation; the first row of another one."""
    asked = {"reference": reference or "", "beam": beam, "align": align}
    key = json.dumps([model, text, asked])
    before = value if isinstance(value, Mapping) and value.get("key") == key else {}
    rows = int(before.get("rows", 0)) + 1
    frame, count = None, 0
    for frame in frames(model, text, **asked):
        count = len(frame.pieces)
        if count >= rows:
            break
    run = str(before.get("run") or secrets.token_hex(4))
    return (
        drawn(frame, run, model, asked, key=key, rows=min(rows, count)),
        scored(frame, reference),
    )


def drawn(frame: Any, run: str, model: str, asked: Mapping[str, Any], **more: Any) -> Any:
    """A frame as the map's value."""
    words = [f"{len(frame.pieces)} pieces", f"{1000 * frame.seconds:.0f} ms"]
    if len(frame.beams) > 1:
        others = "; ".join(text for text, _ in frame.beams[1:3])
        words.append(f"next best: {others}")
    return alignment.value(
        frame.source,
        frame.pieces,
        frame.weights,
        frame.tops,
        vector=frame.vector,
        run=run,
        status="done" if frame.done else "writing",
        note=" · ".join([*words, *([frame.notice] if frame.notice else [])]),
        settings={"model": model, **asked},
        **more,
    )


def scored(frame: Any, reference: str) -> str:
    """The finished translation beside its reference."""
    if not frame.done or frame.bleu is None:
        return ""
    return (
        f'<p class="mt-score"><b>{frame.bleu:.0f}</b> BLEU <b>{frame.chrf:.0f}</b> chrF'
        f" against “{html.escape(reference)}”</p>"
    )


def compare(text: str, reference: str, beam: float) -> str:
    """The same sentence through all three, side by side."""
    cells = []
    for name in MODELS:
        *_, frame = frames(name, text, reference=reference or "", beam=beam)
        score = "" if frame.bleu is None else f"BLEU {frame.bleu:.0f} · chrF {frame.chrf:.0f}"
        said = html.escape(frame.text) or "…"
        cells.append(f"<div><h4>{name}</h4><p>{said}</p><small>{score}</small></div>")
    return f'<div class="mt-three">{"".join(cells)}</div>'


def held_out(language: str) -> list[tuple[str, str]]:
    """Test pairs that travelled with a checkpoint; empty where none has any."""
    for family, name in reversed(list(MODELS.values())):
        folder = checkpoints.find(family).get(name)
        if folder is None or not (folder / "held_out.json").exists():
            continue
        rows = json.loads((folder / "held_out.json").read_text("utf-8"))
        code = {"Russian": "rus", "German": "deu", "French": "fra"}[language]
        found = [(r["source"], r["reference"]) for r in rows if r.get("language", "rus") == code]
        if found:
            return found[:10]
    return []


def api(text: str, model: str = "attention", beam: int = 4, reference: str = "") -> dict[str, Any]:
    """Translate a Russian, German or French sentence into English.

    Args:
        text: the sentence, up to 400 characters.
        model: "no attention", "attention" (both recurrent) or "Transformer".
        beam: hypotheses kept at each step, 1 (greedy) to 8.
        reference: an English translation to score against; may be empty.

    Returns:
        text (lower case), source and pieces (word pieces, "▁" begins a word), attention (a row of
        weights over the source for each piece, the mean over layers and heads; empty without
        attention), bleu and chrf (null without a reference).
    """
    known_model(model)
    *_, frame = frames(model, text, beam=beam, reference=reference)
    mean = frame.weights.mean((1, 2)) if frame.weights.shape[1] else frame.weights[:0, 0:0]
    return {
        "text": frame.text,
        "source": list(frame.source),
        "pieces": list(frame.pieces),
        "attention": [[round(float(w), 5) for w in row] for row in mean] if mean.size else [],
        "bleu": frame.bleu,
        "chrf": frame.chrf,
    }
