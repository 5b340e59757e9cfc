"""The Home card's picture: a synthesised bird and what the model makes of it."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from genapp import checkpoints
from genapp.families.clap.spec import SoundRequest
from genapp.service import Loaded
from genapp.spec import resolve
from genapp.ui.context import choices

WIDTH, HEIGHT, MARGIN, TOP = 640, 400, 34, 190
PAPER, INK, VIOLET, HAIR = "#fbfaf7", "#262524", (111, 91, 240), "#e0ded7"


def thumbnail(load: Callable[[str], Loaded]) -> bytes:
    """A PNG of 640 × 400."""
    _, name = choices(checkpoints.find("clap"), SoundRequest().checkpoint)
    request = SoundRequest(checkpoint=name)
    (frame,) = resolve("genapp.families.clap.generate:generate")(load(name), request)
    return picture(frame)


def picture(frame: Any) -> bytes:
    """A frame's log-mel picture over its bars."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    level = ((frame.mel - frame.mel.max()) / 70 + 1).clip(0, 1) ** 1.4
    mask = Image.fromarray(np.rint(255 * level.T[::-1]).astype(np.uint8))
    mask = mask.resize((WIDTH - 2 * MARGIN, TOP - MARGIN), Image.Resampling.BILINEAR)
    image.paste(VIOLET, (MARGIN, MARGIN), mask)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(22)
    best, step = int(frame.probabilities.argmax()), (HEIGHT - TOP - 30) // len(frame.labels)
    for i, (label, p) in enumerate(zip(frame.labels, frame.probabilities, strict=True)):
        y = TOP + 22 + step * i
        draw.text((MARGIN, y + 11), label, font=font, fill=INK, anchor="lm")
        left, right = 240, WIDTH - MARGIN
        draw.rounded_rectangle((left, y + 3, right, y + 19), 8, fill=HAIR)
        end = left + 16 + int((right - left - 16) * float(p))
        draw.rounded_rectangle((left, y + 3, end, y + 19), 8, fill=VIOLET if i == best else INK)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
