"""A few pictures to try things on, for a machine that holds no data set. Nothing is downloaded.

MNIST and Fashion-MNIST where they already are; else scikit-learn's digits, and letters set in
Pillow's own typeface.
"""

import functools
import string
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from genapp.data import fashion, images, mnist, source

INTRUDERS = 20


@dataclass(frozen=True, slots=True)
class Shelf:
    """Digits and what is none, with where each comes from, in words."""

    digits: NDArray[np.uint8]  # (100, 28, 28), ten of each class in order
    source: str
    intruders: NDArray[np.uint8]  # (20, 28, 28)
    kind: str  # of intruder, e.g. "letter"


@functools.cache
def shelf() -> Shelf:
    """The same pictures at every call."""
    here = source.find(mnist.MNIST.path) is not None
    found = mnist.load("test") if here else mnist.stand_in()
    rows = np.concatenate([np.flatnonzero(found.labels == c)[:10] for c in range(10)])
    name = "MNIST test digits" if here else "scikit-learn's 8×8 digits, redrawn"
    if source.find(fashion.FASHION.path) is not None:
        return Shelf(found.images[rows], name, fashion.load("test").images[:INTRUDERS], "clothing")
    return Shelf(found.images[rows], name, letters(), "letter")


def letters() -> NDArray[np.uint8]:
    """(20, 28, 28): capitals that resemble no digit, at a digit's size."""
    font = ImageFont.load_default(size=80)
    chosen = [c for c in string.ascii_uppercase if c not in "BGIOQS"][:INTRUDERS]
    return np.stack([_letter(c, font) for c in chosen])


def _letter(
    character: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> NDArray[np.uint8]:
    sheet = Image.new("L", (120, 120))
    ImageDraw.Draw(sheet).text((20, 10), character, fill=255, font=font, stroke_width=2)
    ink = sheet.crop(sheet.getbbox())
    ink.thumbnail((20, 20), Image.Resampling.LANCZOS)
    return images.centre_by_mass(np.asarray(ink))
