"""The Home card's picture: a translation and the map of what each word read."""

import io
from collections.abc import Callable
from typing import Any

from genapp import checkpoints
from genapp.service import Loaded
from genapp.spec import resolve
from genapp.translation.request import TranslateRequest
from genapp.ui.context import choices

WIDTH, HEIGHT = 640, 400
LEFT, TOP, CELL = 190, 96, 36
PAPER, INK, HEAT = "#fbfaf7", "#262524", (217, 102, 58)
SENTENCE = "Das Haus ist sehr alt."  # Pillow's own typeface has no Cyrillic


def thumbnail(load: Callable[[str], Loaded]) -> bytes:
    """A PNG of 640 × 400."""
    _, name = choices(checkpoints.find("seq2seq"), "mt-gru-attn")
    request = TranslateRequest(checkpoint=name, text=SENTENCE)
    *_, frame = resolve("genapp.translation.generate:generate")(load(name), request)
    return picture(frame)


def picture(frame: Any) -> bytes:
    """A frame's map, the mean over layers and heads, as a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(20)
    source, pieces = [[p.replace("▁", "").replace("</s>", "") for p in side][:11]
                      for side in (frame.source, frame.pieces)]  # fmt: skip
    for j, piece in enumerate(source):
        label = Image.new("RGB", (TOP, CELL), PAPER)
        ImageDraw.Draw(label).text((10, CELL // 2), piece, font=font, fill=INK, anchor="lm")
        image.paste(label.rotate(90, expand=True), (LEFT + CELL * j, 0))
    for i, piece in enumerate(pieces[:7]):
        y = TOP + CELL * i
        draw.text((LEFT - 14, y + CELL // 2), piece, font=font, fill=INK, anchor="rm")
        for j in range(len(source)):
            attends = frame.weights.size > 0
            share = float(frame.weights[i, :, :, j].mean()) if attends else 0.0
            tint = tuple(round(251 + (c - 251) * (0.04 + 0.96 * share)) for c in HEAT)
            x = LEFT + CELL * j
            draw.rectangle((x + 1, y + 1, x + CELL - 2, y + CELL - 2), fill=tint)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
