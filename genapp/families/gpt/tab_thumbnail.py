"""The Home card's picture: a few lines the model wrote, coloured by how sure it was."""

import io
from collections.abc import Callable
from typing import Any

from genapp import checkpoints
from genapp.families.gpt.spec import GenerateRequest
from genapp.families.gpt.tab_write import FAMILY, OPENING_SEED, styles_of
from genapp.service import Loaded
from genapp.spec import resolve
from genapp.ui.context import choices

WIDTH, HEIGHT, MARGIN = 640, 400, 34
LINE = 44
LINES = 5
PAPER, INK, HEAT, VIOLET, SOFT = "#fbfaf7", "#262524", (217, 102, 58), "#6f5bf0", "#8d8a82"


def thumbnail(load: Callable[[str], Loaded]) -> bytes:
    """A PNG of 640 × 400: the beginning of a text, and the candidates of its last word."""
    from PIL import Image, ImageDraw, ImageFont

    _, name = choices(checkpoints.find(FAMILY), "gpt-mini")
    loaded = load(name)
    style = (styles_of(name) or ("auto",))[0]
    request = GenerateRequest(
        checkpoint=name, style=style, seed=OPENING_SEED, max_new_tokens=60, candidates=4
    )
    frames = resolve("genapp.families.gpt.generate:generate")(loaded, request)
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    last = _text(draw, ImageFont.load_default(27), [f for f in frames if f.written is not None])
    if last is not None:
        _bars(draw, ImageFont.load_default(19), last)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _text(draw: Any, font: Any, frames: list[Any]) -> Any:
    """Writes until the lines are full; gives the last token that found room."""
    x, y, last = float(MARGIN), MARGIN - 6, None
    for frame in frames:
        piece = " ".join(frame.delta.split("\n"))
        wide = draw.textlength(piece, font=font)
        if x + wide > WIDTH - MARGIN:
            x, y, piece = float(MARGIN), y + LINE, piece.lstrip()
            wide = draw.textlength(piece, font=font)
        if y > MARGIN + (LINES - 1) * LINE:
            break
        word = piece.lstrip()
        start = x + wide - draw.textlength(word, font=font)
        share = 0.5 * (1 - frame.written.probability**0.4)
        tint = tuple(round(250 + (c - 250) * share) for c in HEAT)
        if word:
            draw.rounded_rectangle((start - 1, y + 1, x + wide - 1, y + 36), 5, fill=tint)
        draw.text((x, y), piece, font=font, fill=INK)
        x, last = x + wide, frame.written
    return last


def _bars(draw: Any, font: Any, written: Any) -> None:
    """What could have come there, likeliest first."""
    y = MARGIN + LINES * LINE + 14
    for candidate in written.candidates[:4]:
        label = candidate.text.replace("\n", " ").strip() or "…"
        draw.text((MARGIN + 110, y), label[:12], font=font, fill=SOFT, anchor="ra")
        long = max(3.0, (WIDTH - 2 * MARGIN - 128) * candidate.probability)
        draw.rectangle((MARGIN + 126, y + 4, MARGIN + 126 + long, y + 17), fill=VIOLET)
        y += 27
