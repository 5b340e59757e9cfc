"""Images from a person: one upload, one folder, one drawn digit. Needs only Pillow and numpy.

Everything here expects hostile bytes: sizes are read from the header before anything is decoded,
only common raster formats are opened, and every failure is a ``UserError``.
"""

from __future__ import annotations

import base64
import io
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from genapp.errors import UserError

log = logging.getLogger(__name__)

MAX_PIXELS = 40_000_000
MAX_BYTES = 64_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


def open_image(source: bytes | Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode one image completely, upright (EXIF), first frame; its mode is kept.

    Raises:
        UserError: empty, too many bytes or pixels, not a raster image, or cut off.
    """
    name = source.name if isinstance(source, Path) else "the file"
    try:
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > MAX_BYTES:
            raise UserError(f"{name} has {size / 1e6:.0f} MB", "use one below 64 MB")
        raw = source.read_bytes() if isinstance(source, Path) else source
        image = Image.open(io.BytesIO(raw), formats=FORMATS)  # reads the header only
        width, height = image.size
        if width * height > max_pixels:
            raise UserError(
                f"{name} has {width}×{height} pixels, more than {max_pixels / 1e6:g} million",
                "make it smaller and try again",
            )
        image.load()
        return ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        raise UserError(f"{name} is not an image", "use a PNG, JPEG, WebP or GIF file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(f"{name} has too many pixels", "make it smaller and try again") from None
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{name} does not exist", "check its path") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        # Pillow reports broken files with any of these
        raise UserError(f"{name} is damaged or cut off ({error})", "save it again") from None


def to_rgb(image: Image.Image, channels: int = 3) -> Image.Image:
    """``RGB`` (channels 3) or ``L`` (1); transparent parts become white."""
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, got {channels}")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        image = Image.alpha_composite(paper, rgba)
    if image.mode.startswith("I;16"):  # 16-bit grey: Pillow would clip, not scale
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB" if channels == 3 else "L")


def data_uri(image: Image.Image, side: int) -> str:
    """The middle square as a WebP of at most ``side`` pixels, in a ``data:`` URI."""
    side = min(side, *image.size)
    buffer = io.BytesIO()
    square = ImageOps.fit(to_rgb(image), (side, side), Image.Resampling.LANCZOS)
    square.save(buffer, "webp", quality=85)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def load_folder(
    folder: Path, size: int, channels: int = 3, max_images: int = 50_000
) -> NDArray[np.uint8]:
    """All images under ``folder`` (sorted by path), cropped square and resized.

    Returns uint8 ``(N, size, size, channels)``. Broken files are skipped and counted in the log.

    Raises:
        UserError: no such folder, no readable image in it, or more than ``max_images``.
    """
    if not 4 <= size <= 1024:
        raise ValueError(f"size must be 4…1024, got {size}")
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder", "give a folder with images in it")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if len(paths) > max_images:
        raise UserError(
            f"{folder} holds {len(paths):,} images, more than {max_images:,}", "use fewer of them"
        )
    kept, broken = [], []
    for path in paths:
        try:
            image = to_rgb(open_image(path), channels)
        except UserError as error:
            broken.append(path.name)
            log.info("skipped: %s", error)
            continue
        square = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
        kept.append(np.asarray(square).reshape(size, size, channels))
    if not kept:
        what = f"none of {len(paths)} image files can be read" if paths else "no images in it"
        raise UserError(f"{folder}: {what}", "use PNG, JPEG or WebP files")
    if broken:
        log.warning("%d of %d files could not be read: %s", len(broken), len(paths), broken[:5])
    return np.stack(kept)


def resize_grey(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Grey uint8 ``(H, W)`` → ``(height, width)``, bicubic with anti-aliasing."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def centre_by_mass(patch: NDArray[np.uint8], size: int = 28) -> NDArray[np.uint8]:
    """Place ``patch (h, w)`` on black ``(size, size)`` with its centre of mass on pixel size / 2.

    To whole pixels, counting from 0, as MNIST does (its test digits' mean centre is 14.0, 14.0);
    a patch that would stick out is pushed back inside.
    """
    h, w = patch.shape
    mass = patch.astype(np.float64)
    total = max(mass.sum(), 1e-9)
    cy = (mass.sum(axis=1) * np.arange(h)).sum() / total
    cx = (mass.sum(axis=0) * np.arange(w)).sum() / total
    y = min(max(round(size / 2 - cy), 0), size - h)
    x = min(max(round(size / 2 - cx), 0), size - w)
    out = np.zeros((size, size), np.uint8)
    out[y : y + h, x : x + w] = patch
    return out


def to_digit(image: Image.Image) -> NDArray[np.uint8]:
    """A drawn or photographed digit → uint8 ``(28, 28)``, white on black, as MNIST was made.

    Grey; inverted where the border is bright; background taken off; cropped to the ink; longest
    side 20 pixels; centred by mass. Source: LeCun et al., MNIST page.

    Raises:
        UserError: there is no ink in the picture.
    """
    flat = _flatten(image)
    flat.thumbnail((800, 800))  # a photograph of 40 million pixels has nothing more to say
    grey = np.asarray(flat, np.float64)  # (H, W)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(border))
    ink = background - grey if background > 127 else grey - background
    ink = np.clip(ink, 0, None)
    if ink.max(initial=0) < 24:  # nothing stands out by a tenth of the range
        raise UserError("there is nothing drawn in the picture", "draw one digit, large and dark")
    ink *= 255 / ink.max()
    ink[ink < 32] = 0  # paper texture
    rows, cols = np.flatnonzero(ink.max(axis=1)), np.flatnonzero(ink.max(axis=0))
    crop = ink[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].astype(np.uint8)
    h, w = crop.shape
    scale = 20 / max(h, w)
    small = resize_grey(crop, max(1, round(w * scale)), max(1, round(h * scale)))
    return centre_by_mass(small)


def _flatten(image: Image.Image) -> Image.Image:
    """Grey; transparent ink is laid on the paper it stands out from."""
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return to_rgb(image, 1).copy()
    rgba = image.convert("RGBA")
    pixels = np.asarray(rgba)
    opaque = pixels[..., 3] > 127
    bright = bool(opaque.any()) and pixels[..., :3][opaque].mean() > 127
    paper = Image.new("RGBA", rgba.size, (0, 0, 0, 255) if bright else (255, 255, 255, 255))
    if opaque.all():
        return rgba.convert("L")
    return Image.alpha_composite(paper, rgba).convert("L")
