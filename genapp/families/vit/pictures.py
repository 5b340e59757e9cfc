"""From a picture to what the network reads: sample photographs, uploads, sizes, scaling."""

import base64
import binascii
import functools

import numpy as np
from PIL import Image, ImageOps

from genapp.data import images
from genapp.errors import UserError
from genapp.families.vit.model import ViTConfig

SAMPLES = ("china", "flower")  # CC BY 2.0, inside scikit-learn
MEAN, STD = 0.5, 0.25  # of a pixel in 0…1; near enough for every set here


def opened(picture: str) -> Image.Image:
    """A sample by name or an upload as a data URI; RGB, upright.

    Raises :class:`UserError` for anything else.
    """
    if picture in SAMPLES:
        return _sample(picture)
    head, _, body = picture.partition(",")
    if not (head.startswith("data:image/") and head.endswith(";base64")):
        names = ", ".join(SAMPLES)
        raise UserError("There is no such picture", f"upload one, or choose {names}.")
    try:
        raw = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise UserError("The picture can't be read", "upload it again.") from None
    return images.to_rgb(images.open_image(raw))


@functools.cache
def _sample(name: str) -> Image.Image:
    from sklearn.datasets import load_sample_image

    return Image.fromarray(load_sample_image(f"{name}.jpg"))


def square(image: Image.Image, side: int) -> Image.Image:
    """The middle square, ``side`` pixels wide."""
    return ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)


def pixels(image: Image.Image, config: ViTConfig) -> np.ndarray:
    """uint8 (S, S, 3) as the network reads it."""
    return np.asarray(square(image, config.image))


def scaled(batch: np.ndarray) -> np.ndarray:
    """uint8 (B, S, S, 3) → float32 (B, 3, S, S) around zero."""
    x = (batch.astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
