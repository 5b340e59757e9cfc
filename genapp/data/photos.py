"""A few photographs that installed packages bring along, to look at without a download."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from genapp.data import images
from genapp.errors import UserError


@dataclass(frozen=True, slots=True)
class Photo:
    """Where a photograph lies: a package and a path inside it."""

    title: str
    package: str
    path: str


PHOTOS: Mapping[str, Photo] = {
    "china": Photo("temple", "sklearn", "datasets/images/china.jpg"),  # CC BY 2.0
    "flower": Photo("flower", "sklearn", "datasets/images/flower.jpg"),  # CC BY 2.0
    "cheetah": Photo("cheetah", "gradio", "media_assets/images/cheetah.jpg"),
    "lion": Photo("lion", "gradio", "media_assets/images/lion.jpg"),
    "tower": Photo("tower", "gradio", "media_assets/images/tower.jpg"),
}
FIRST = "china"


def menu() -> list[tuple[str, str]]:
    """(title, name) of those that are here."""
    return [(photo.title, name) for name, photo in PHOTOS.items() if _path(photo).is_file()]


@functools.cache
def photo(name: str) -> Image.Image:
    """The photograph, RGB. Raises :class:`UserError` if there is none of this name, or no more."""
    if name not in PHOTOS:
        known = ", ".join(name for _, name in menu())
        raise UserError("There is no such picture", f"upload one, or choose {known}.")
    return images.to_rgb(images.open_image(_path(PHOTOS[name])))


def _path(photo: Photo) -> Path:
    """Found without importing the package."""
    spec = find_spec(photo.package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0] if places else "") / photo.path
