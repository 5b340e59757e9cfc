"""Pictures of *Fill the gap*: input strips, the corrupted text, the curves and the numbers."""

import base64
import html
import io
import json
from typing import Any

import numpy as np

from genapp import checkpoints
from genapp.families.bert import tab_charts
from genapp.families.bert.corrupt import KEPT, LEFT, MASKED, RANDOM, Corruption, corrupt
from genapp.families.bert.tab_work import DEFAULT, FAMILY, bar, call, loaded

DIMS = 16  # numbers of a vector that are drawn
DRAWS = 200
NAMES = {MASKED: "masked", RANDOM: "random", KEPT: "kept"}
GOALS = (  # metric, what it is called, what was aimed at (is it reached?), what else is known
    ("top5", "hidden word among the first five, all held-out text", None, "paper: no number"),
    ("top1", "hidden word guessed first", None, ""),
    ("nsp", "does B follow? B from any document", 0.85, "the paper's own kind of pairs"),
    ("nsp_same_style", "does B follow? B from the same kind of text", None, "harder"),
    ("val_mlm", "loss on hidden words, nats", None, "untrained: ln 6,000 = 8.70"),
    ("val_nsp", "loss on pairs, nats", None, "untrained: ln 2 = 0.693"),
)  # fmt: skip


def note(words: str) -> str:
    """A quiet line."""
    return f'<p class="bt-note">{html.escape(words)}</p>'


def next_of(p: float | None) -> str:
    """P(B follows A) as a bar."""
    if p is None:
        return note("With a sentence B the model also says whether it follows A.")
    return f"{bar('B follows A', p, 'true')}{bar('B is from elsewhere', 1 - p)}"


def strips(model: str, reading: Any) -> str:
    """The first numbers of each token's three embeddings and of their sum, as four strips."""
    import torch

    table = loaded(model).model.encoder.embeddings
    with torch.inference_mode():
        ids = torch.tensor(reading.ids, device=table.tokens.weight.device)
        rows = {
            "token": table.tokens(ids),
            "segment": table.segments(torch.tensor(reading.segments, device=ids.device)),
            "position": table.positions.weight[: len(ids)],
        }
        rows["sum"] = rows["token"] + rows["segment"] + rows["position"]
        shown = {name: x[:, :DIMS].float().cpu().numpy() for name, x in rows.items()}
    scale = 2.5 * float(shown["sum"].std())
    pieces = call("reading:pieces_of", model)
    T = len(reading.ids)
    names = "".join(f"<span>{html.escape(pieces.name(i))}</span>" for i in reading.ids)
    cells = [f"<b></b>{names}"]
    for name, x in shown.items():
        cells.append(
            f'<b>{name}</b><img style="grid-column: span {T}" src="{_picture(x / scale)}" '
            f'alt="{name} embeddings of {T} tokens, {DIMS} numbers each">'
        )
    width = table.tokens.embedding_dim
    return (
        f'<div class="bt-wide"><div class="bt-strips" style="grid-template-columns: 62px '
        f'repeat({T}, minmax(44px, 1fr)); column-gap: 0">{"".join(cells)}</div></div>'
        f'<p class="bt-note">The first {DIMS} of {width} numbers, orange above zero, blue below. '
        "The segment strip changes where sentence B begins; the sum goes into the first layer.</p>"
    )


def _picture(x: np.ndarray) -> str:
    """(T, D) from −1 to 1 → a PNG data address; zero is transparent."""
    from PIL import Image

    x = np.clip(x.T, -1, 1)  # (D, T)
    rgba = np.zeros((*x.shape, 4), np.uint8)
    rgba[..., :3] = np.where(x[..., None] > 0, (217, 102, 58), (63, 120, 218))
    rgba[..., 3] = (255 * np.abs(x)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def corrupted(
    model: str, a: str, b: str, rate: float, masked: float, random: float, seed: float
) -> str:
    """The text as training would show it, and what became of which share."""
    how = Corruption(rate=rate / 100, masked=masked / 100, random=random / 100)
    reading, pieces = call("reading:read", model, a, b), call("reading:pieces_of", model)
    ids = np.array([reading.ids])
    words = np.array([[pieces.kind(i) == "word" for i in reading.ids]])
    rng = np.random.default_rng(int(seed or 0))
    read, fate = corrupt(ids, words, how, pieces.mask, pieces.ordinary, rng)
    spans = [
        _token(pieces.name(old), pieces.name(new), int(what))
        for old, new, what in zip(reading.ids, read[0].tolist(), fate[0], strict=True)
    ]
    many = np.repeat(words, DRAWS, 0)
    repeated = np.repeat(ids, DRAWS, 0)
    _, fates = corrupt(repeated, many, how, pieces.mask, pieces.ordinary, rng)
    rows = "".join(
        f'<tr><td class="bt-diff"><mark class="{name}">{label}</mark></td>'
        f"<td>{int((fate == what).sum())}</td><td>{_share(fates == what, fates != LEFT)}</td></tr>"
        for what, name, label in (
            (MASKED, "masked", "[MASK]"), (RANDOM, "random", "a random word"),
            (KEPT, "kept", "unchanged"),
        )
    )  # fmt: skip
    chosen = f"{int((fate != LEFT).sum())} of {int(words.sum())}"
    return (
        f'<p class="bt-diff">{" ".join(spans)}</p><table class="bt-table"><tr><th></th>'
        f"<th>here</th><th>over {DRAWS} draws</th></tr>{rows}<tr><td>chosen</td><td>{chosen}</td>"
        f"<td>{_share(fates != LEFT, many)} of the words</td></tr></table>"
        '<p class="bt-note">The loss looks at the coloured places only. At work there is no [MASK] '
        "in a text: what is unchanged or wrong teaches the model to read every word.</p>"
    )


def _share(part: np.ndarray, whole: np.ndarray) -> str:
    return f"{100 * part.sum() / whole.sum():.1f} %" if whole.any() else "—"


def _token(old: str, new: str, what: int) -> str:
    if what == LEFT:
        return html.escape(old)
    was = "" if what == KEPT else f"<s>{html.escape(old)}</s>"
    return f'{was}<mark class="{NAMES[what]}">{html.escape(new)}</mark>'


def numbers(model: str) -> str:
    """Both held-out curves of a checkpoint's run, and its numbers beside what was aimed at."""
    folder = checkpoints.find(FAMILY).get(model or DEFAULT)
    if folder is None:
        return note("No model yet — train one on the Train page.")
    metrics = checkpoints.read_meta(folder).metrics
    if not metrics:
        return note("Published weights: their makers' training left no curve here.")
    curves = folder / "curves.json"
    points = json.loads(curves.read_text("utf-8")) if curves.exists() else []
    pictures = ""
    if len(points) > 1:
        top = max(9.0, *(p["val_mlm"] for p in points))
        mlm = {"hidden words": [(p["step"], p["val_mlm"]) for p in points]}
        nsp = {"next sentence": [(p["step"], p["val_nsp"]) for p in points]}
        pictures = (
            f'<div class="bt-two">{tab_charts.lines(mlm, "steps", "held-out nats", 0, top)}'
            f"{tab_charts.lines(nsp, 'steps', 'held-out nats', 0, 0.8)}</div>"
        )
    return f"{pictures}{_table(metrics)}"


def _table(metrics: Any) -> str:
    rows = []
    tale = (metrics.get("top5_by_style") or {}).get("tale")
    if tale is not None:
        rows.append(_row("hidden word among the first five, held-out tales", tale, 0.45, ""))
    for key, name, goal, known in GOALS:
        if key in metrics:
            rows.append(_row(name, metrics[key], goal, known))
    head = "<tr><th>held out</th><th>ours</th><th>goal</th><th></th></tr>"
    return f'<div class="bt-wide"><table class="bt-table">{head}{"".join(rows)}</table></div>'


def _row(name: str, value: float, goal: float | None, known: str) -> str:
    met = goal is not None and value >= goal
    aimed = "" if goal is None else f"≥ {goal:g}"
    return (
        f"<tr><td>{name}</td><td{' class=met' if met else ''}>{value:.3f}</td>"
        f"<td>{aimed}</td><td>{known}</td></tr>"
    )
