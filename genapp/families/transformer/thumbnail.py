"""The Home card's picture: what each head of the last layer reads."""

import io
from collections.abc import Callable

from genapp import checkpoints
from genapp.families.transformer.spec import Request
from genapp.service import Loaded
from genapp.spec import resolve
from genapp.ui.context import choices

WIDTH, HEIGHT, MARGIN = 640, 400, 30
PAPER, HEAT = "#fbfaf7", (63, 144, 218)
SENTENCE = "Я не знаю, почему ты здесь."


def thumbnail(load: Callable[[str], Loaded]) -> bytes:
    """A PNG of 640 × 400: a small map for each layer (row) and head (column)."""
    from PIL import Image, ImageDraw

    _, name = choices(checkpoints.find("transformer"), "mt-transformer")
    request = Request(checkpoint=name, text=SENTENCE)
    *_, frame = resolve("genapp.translation.generate:generate")(load(name), request)
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    T, L, H, S = frame.weights.shape
    wide, high = (WIDTH - 2 * MARGIN) / H, (HEIGHT - 2 * MARGIN) / L
    for layer in range(L):
        for head in range(H):
            for i in range(T):
                for j in range(S):
                    x = MARGIN + wide * head + (wide - 14) * j / S
                    y = MARGIN + high * layer + (high - 14) * i / T
                    share = 0.05 + 0.95 * float(frame.weights[i, layer, head, j])
                    tint = tuple(round(251 + (c - 251) * share) for c in HEAT)
                    box = (x, y, x + (wide - 14) / S - 1, y + (high - 14) / T - 1)
                    draw.rectangle(box, fill=tint)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
