"""The Home card's picture: a sentence with a gap, and what the model would put there."""

import io
from collections.abc import Callable
from typing import Any

from genapp import checkpoints
from genapp.families.bert.spec import FillRequest
from genapp.service import Loaded
from genapp.spec import resolve
from genapp.ui.context import choices

WIDTH, HEIGHT, MARGIN, LINE = 640, 400, 34, 46
PAPER, INK, HEAT, VIOLET, SOFT = "#fbfaf7", "#262524", "#f3d3c2", "#6f5bf0", "#8d8a82"
SENTENCE = "Once upon a time there was a [MASK] who had a beautiful daughter."


def thumbnail(load: Callable[[str], Loaded]) -> bytes:
    """A PNG of 640 × 400."""
    _, name = choices(checkpoints.find("bert"), "bert-mini")
    request = FillRequest(checkpoint=name, text=SENTENCE, top=5, seed=0)
    (frame,) = resolve("genapp.families.bert.generate:generate")(load(name), request)
    return picture(frame.gaps[0].guesses)


def picture(guesses: Any) -> bytes:
    """The sentence and its candidates as a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(28), ImageFont.load_default(20)
    x, y = float(MARGIN), float(MARGIN)
    for word in SENTENCE.replace("[MASK]", "_____").split():
        wide = draw.textlength(word, font=large)
        if x + wide > WIDTH - MARGIN:
            x, y = float(MARGIN), y + LINE
        if word == "_____":
            draw.rounded_rectangle((x - 4, y - 2, x + wide + 4, y + 36), 6, fill=HEAT)
        draw.text((x, y), word, font=large, fill=INK)
        x += wide + 10
    y += LINE + 34
    for piece, p in guesses[:5]:
        draw.text((MARGIN + 120, y), piece[:12], font=small, fill=SOFT, anchor="ra")
        long = max(3.0, (WIDTH - 2 * MARGIN - 140) * p)
        draw.rectangle((MARGIN + 138, y + 4, MARGIN + 138 + long, y + 20), fill=VIOLET)
        y += 36
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
