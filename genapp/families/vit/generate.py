"""What a ViT sees in one picture."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from PIL import Image

from genapp.families.vit import pictures
from genapp.families.vit.model import ViT, ViTConfig
from genapp.families.vit.spec import ClassifyRequest
from genapp.service import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Classes with their probabilities, most likely first."""

    classes: tuple[tuple[str, float], ...]


def generate(loaded: Loaded, request: ClassifyRequest) -> Iterator[Seen]:
    """The classes of ``request.picture``. Raises :class:`UserError` for a picture it can't read."""
    model: ViT = loaded.model  # type: ignore[assignment]
    batch = pictures.pixels(pictures.opened(request.picture), model.config)[None]
    x = torch.from_numpy(pictures.scaled(batch)).to(loaded.device)
    with torch.inference_mode(), loaded.lock:
        chances = model(x)[0].float().softmax(0).cpu()
    order = chances.argsort(descending=True).tolist()
    names = class_names(loaded)
    yield Seen(classes=tuple((names[i], float(chances[i])) for i in order))


def class_names(loaded: Loaded) -> list[str]:
    """What the scores stand for."""
    count = int(loaded.meta.config["classes"]) if "classes" in loaded.meta.config else 10
    return list(loaded.meta.metrics.get("classes", [f"class {i}" for i in range(count)]))


def thumbnail(load: Callable[[str], Loaded]) -> bytes:
    """A photograph under the patches it is cut into, as WebP."""
    config: ViTConfig = load(ClassifyRequest().checkpoint).model.config  # type: ignore[assignment]
    image = pictures.square(pictures.opened("flower"), 256)
    sheet = Image.new("RGB", (480, 300), "white")
    step = 256 // config.side
    for row in range(config.side):
        for column in range(config.side):
            box = (column * step, row * step, (column + 1) * step, (row + 1) * step)
            sheet.paste(image.crop(box), (90 + column * (step + 4), 4 + row * (step + 4)))
    buffer = io.BytesIO()
    sheet.save(buffer, "webp", quality=85)
    return buffer.getvalue()
