"""Beside the Viewer, on demand: which tokens the answer hangs on, as bars or over the picture."""

import html
from collections.abc import Sequence

import gradio as gr
import numpy as np

from genapp.attention import ATTRIBUTIONS, Attribution, Maps, Side
from genapp.ui.pages import attention_panel
from genapp.ui.widgets.attention_view.widget import data_url

OFF = ""
LISTED = 40  # bars; of a longer text the longest
ABOUT = {
    "gradient": "How much faster the answer grows with a token's content than without: one "
    "backward pass, true near the text as it is.",
    "occlusion": "How far the answer falls when one token's content goes: one pass a token.",
    "integrated": "Gradients gathered on the way from tokens without content to the text as it is.",
}


def methods() -> gr.Radio:
    """Which attribution is shown, if any; each takes several times a pass."""
    return gr.Radio(
        [("off", OFF), *((name, method) for method, name in ATTRIBUTIONS.items())], value=OFF,
        label="Which tokens made it say so?", elem_id="viewer-why-method",
    )  # fmt: skip


def panel() -> gr.HTML:
    """The empty panel; :func:`words` fills it."""
    return gr.HTML(
        "", css_template=attention_panel.CSS.read_text("utf-8"), apply_default_css=False,
        js_on_load=None, elem_id="viewer-why",
    )  # fmt: skip


def words(passed: Sequence[Maps], spot: attention_panel.Spot | None, method: str) -> str:
    """The panel for one token of the pass, or nothing while it is off."""
    found = attention_panel.speaking(passed, spot)
    if not method or found is None:
        return ""
    maps, at = found
    if maps.attribute is None or maps.readout is None:
        return ""
    made = maps.attribute(method, at)
    said = html.escape(maps.readout.name(made.target).strip() or "␣")
    asked = html.escape(maps.queries.tokens[at].strip() or "␣")
    sum_ = float(made.values.sum())
    check = f"They sum to {sum_:+.2f} nats; with every token's content the answer gains "
    check += f"{made.gap:+.2f} over none."
    if method == "integrated":
        off = abs(sum_ - made.gap) / max(abs(made.gap), 1e-9)
        check += f" Completeness: {'✓' if off <= 0.01 else '✗'} ({100 * off:.1g} % off)."
    drawn = _patches(maps.keys, made) if maps.keys.grid else _bars(maps.keys, made.values)
    return (
        f'<div class="ap"><h3>“{said}” at “{asked}”: {ATTRIBUTIONS[method].lower()}</h3>'
        f"<p>{ABOUT[method]}</p>{drawn}<p>{check.replace('-', '−')}</p></div>"
    )


def _bars(keys: Side, values: np.ndarray) -> str:
    """A row per token with a bar either way, in reading order."""
    kept = np.sort(np.argsort(-np.abs(values), kind="stable")[:LISTED])
    top = max(float(np.abs(values).max()), 1e-9)
    rows = []
    for at in kept.tolist():
        value = float(values[at])
        token = html.escape(keys.tokens[at].replace("\n", "⏎").strip(" ") or "␣")
        kind = "more" if value >= 0 else "less"
        number = f"{value:+.2f}".replace("-", "−")
        rows.append(
            f'<tr><th scope="row">{token}</th><td><i class="{kind}" '
            f'style="--p: {abs(value) / top:.3f}"></i></td><td class="n">{number}</td></tr>'
        )
    return f'<table class="ap-why"><tbody>{"".join(rows)}</tbody></table>'


def _patches(keys: Side, made: Attribution) -> str:
    """The picture with every patch tinted: blue raises the answer, orange lowers it."""
    patches = made.values[[kind == "patch" for kind in keys.kinds]]
    top = max(float(np.abs(patches).max()), 1e-9)
    cells = "".join(
        f'<i class="{"more" if v >= 0 else "less"}" style="--p: {abs(v) / top:.2f}" '
        f'title="{v:+.3f}"></i>'
        for v in patches.tolist()
    )
    rows, columns = keys.grid or (1, len(patches))
    best = int(patches.argmax())
    spoken = (
        f"The patch that adds most is in row {best // columns + 1}, column {best % columns + 1}"
    )
    return (
        f'<div class="ap-patches" role="img" aria-label="{spoken}" '
        f'style="--columns: {columns}; aspect-ratio: {columns} / {rows}; '
        f"background-image: url('{data_url(keys.image)}')\">{cells}</div>"
    )
