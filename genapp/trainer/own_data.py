"""A person's own files, checked and copied into the run's folder under names of ours."""

import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from genapp.errors import UserError

TEXT_BYTES, TEXT_LEAST = 20_000_000, 1000
IMAGES, IMAGES_LEAST, IMAGE_BYTES, IMAGES_BYTES = 5000, 8, 10_000_000, 300_000_000
IMAGE_PIXELS = 8000 * 8000
FORMATS = {"PNG", "JPEG", "WEBP", "BMP", "GIF"}


def check_path(kind: str, path: Path) -> None:
    """Whether a path given on the command line can be trained on; raises :class:`UserError`."""
    if not kind:
        raise UserError("This family trains on its own data set only", "leave out your own data.")
    if not path.exists():
        raise UserError(f"There is no {path}", "check the path of your data.")
    if kind == "text" and path.is_dir():
        raise UserError(f"{path} is a folder", "give one text file.")
    if kind == "images" and not path.is_dir():
        raise UserError(f"{path} is a file", "give a folder of pictures.")


def take(kind: str, files: Sequence[Path], folder: Path) -> Path:
    """Copies uploaded ``files`` into ``folder``; returns what a recipe gets as its data.

    ``kind`` "text": one UTF-8 file. "images": a folder of pictures, which may come as zip files.
    Raises :class:`UserError` for whatever is too big, too little or not what it seems.
    """
    if kind == "text":
        return _take_text(files, folder)
    if kind == "images":
        return _take_images(files, folder)
    raise UserError("This family trains on its own data set only", "leave out your own data.")


def _take_text(files: Sequence[Path], folder: Path) -> Path:
    if sum(f.stat().st_size for f in files) > TEXT_BYTES:
        raise UserError("The text is too long", f"keep it to {TEXT_BYTES // 1_000_000} MB.")
    parts = []
    for file in files:
        try:
            parts.append(file.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise UserError(
                f"{file.name} is not plain text", "save it as a .txt file in UTF-8."
            ) from None
    text = "\n\n".join(parts).replace("\r\n", "\n")
    if "\0" in text:
        raise UserError("The file holds binary data", "save it as a .txt file in UTF-8.")
    if len(text.strip()) < TEXT_LEAST:
        raise UserError(
            f"The text has {len(text.strip())} characters",
            f"give at least {TEXT_LEAST:,}; a model learns little from less.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "text.txt"
    path.write_text(text, encoding="utf-8")
    return path


def _take_images(files: Sequence[Path], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    count = total = 0
    for name, size, opened in _pictures(files):
        count, total = count + 1, total + size
        if count > IMAGES or total > IMAGES_BYTES or size > IMAGE_BYTES:
            raise UserError(
                f"Too much: {name} is picture {count:,}, {total // 1_000_000} MB in all",
                f"give up to {IMAGES:,} pictures of {IMAGE_BYTES // 1_000_000} MB, "
                f"{IMAGES_BYTES // 1_000_000} MB together.",
            )
        with opened as stream:
            _copy_image(name, stream, folder / f"{count:05d}")
    if count < IMAGES_LEAST:
        raise UserError(f"Found {count} pictures", f"give at least {IMAGES_LEAST}, PNG or JPEG.")
    return folder


def _pictures(files: Sequence[Path]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size in bytes and something to open, for every file and every member of a zip."""
    for file in files:
        if file.suffix.lower() != ".zip":
            yield file.name, file.stat().st_size, file.open("rb")
            continue
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    hidden = (
                        Path(member.filename).name.startswith(".") or "__MACOSX" in member.filename
                    )
                    if not member.is_dir() and not hidden:
                        yield Path(member.filename).name, member.file_size, archive.open(member)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise UserError(f"{file.name} can't be unpacked ({error})", "zip it again.") from error


def _copy_image(name: str, stream: IO[bytes], stem: Path) -> None:
    """Keeps the picture's bytes under our name once Pillow has recognised them."""
    from PIL import Image, UnidentifiedImageError

    part = stem.with_suffix(".part")
    with part.open("wb") as f:
        shutil.copyfileobj(stream, f)
    try:
        with Image.open(part) as image:
            kind, pixels = image.format or "", image.width * image.height
            image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        kind, pixels = "", 0
    if kind not in FORMATS or pixels > IMAGE_PIXELS:
        part.unlink()
        raise UserError(f"{name} is not a picture we can read", "give PNG, JPEG or WebP files.")
    part.rename(stem.with_suffix(f".{kind.lower()}"))
