"""The two 28×28 sets (MNIST, Fashion-MNIST) as one ``.npz`` or as four public ``idx`` files."""

from __future__ import annotations

import gzip
import logging
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genapp.data import source
from genapp.data.source import DataFile
from genapp.errors import UserError

log = logging.getLogger(__name__)

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Grey images, white ink on black, with their classes."""

    images: NDArray[np.uint8]  # (N, 28, 28)
    labels: NDArray[np.uint8]  # (N,)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdxSet:
    """A set of 70,000 images.

    ``fingerprint`` is, per split, (images, sum of pixels, sum of pixels weighted by label + 1):
    the same for any order of the images and any container, different when one of them changes.
    """

    name: str
    path: str  # of the .npz, relative to a data folder
    files: tuple[DataFile, ...]  # training images and labels, test images and labels
    fingerprint: dict[str, tuple[int, int, int]]


def public_file(folder: str, part: str, size: int, sha256: str, hosts: tuple[str, ...]) -> DataFile:
    """One of a set's four files, e.g. ``part`` "train-images", as its hosts name it."""
    axes = 3 if part.endswith("images") else 1
    name = f"{part}-idx{axes}-ubyte.gz"
    return DataFile(
        name=f"{folder} {part}",
        path=f"{folder}/{name}",
        sha256=sha256,
        size=size,
        urls=tuple(f"{host}/{name}" for host in hosts),
    )


def fingerprint(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> tuple[int, int, int]:
    """(N, Σ pixels, Σ pixels × (label + 1)) of images ``(N, 28, 28)`` and labels ``(N,)``."""
    ink = images.sum(axis=(1, 2), dtype=np.int64)  # (N,)
    return len(images), int(ink.sum()), int((ink * (labels.astype(np.int64) + 1)).sum())


def load(data: IdxSet, split: Split) -> Digits:
    """One split of ``data`` from the data folder, the cache or the public source.

    Raises:
        ValueError: ``split`` is neither ``"train"`` nor ``"test"``.
        UserError: the data cannot be had, or a local file holds something else.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    path = source.find(data.path) or _build(data)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"].astype(np.uint8)
        good = images.dtype == np.uint8 and images.shape[1:] == (28, 28)
        good = good and fingerprint(images, labels) == data.fingerprint[split]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        good = False
    if not good:
        raise UserError(
            f"{path} does not hold the {data.name} {split} images",
            "delete or rename that file and start again, so that a fresh copy is fetched",
        )
    return Digits(images=images, labels=labels)


def _build(data: IdxSet) -> Path:
    """Fetch the four public files and write the ``.npz`` into the cache."""
    x_train, y_train, x_test, y_test = (read_idx(source.locate(file)) for file in data.files)
    with tempfile.TemporaryDirectory(prefix="genapp-") as folder:
        made = Path(folder) / "set.npz"
        np.savez_compressed(made, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
        return source.in_cache(data.path, made)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An ``idx`` file of bytes, gzipped or not: ``(N,)`` or ``(N, H, W)``.

    Format: two zero bytes, type 0x08, the number of axes, the axes as big-endian uint32, the data.
    """
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    if len(raw) < 8 or raw[:3] != b"\x00\x00\x08":
        raise UserError(f"{path} is not an idx file of bytes", "delete it and fetch it again")
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", count=axes, offset=4).tolist()
    body = np.frombuffer(raw, np.uint8, offset=4 + 4 * axes)
    if body.size != int(np.prod(shape)):
        raise UserError(f"{path} ends early", "delete it and fetch it again")
    return body.reshape(shape)
