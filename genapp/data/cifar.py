"""CIFAR-10: 60,000 colour pictures of 32 × 32 in ten classes (Krizhevsky 2009).

A data folder holds it as sheets of tiles (``cifar10/train_00.webp`` … and ``labels.npz``); the
public source as binary batches in one archive, from which a cached ``.npz`` is made.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from genapp.data import source
from genapp.data.idx import Split
from genapp.data.source import DataFile
from genapp.errors import UserError

NAME = "CIFAR-10"
SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html"
LICENCE = "none stated; research use"
STAND_IN_SOURCE = "32×32 patches of the two sample photographs shipped in scikit-learn"
STAND_IN_LICENCE = "CC BY 2.0 (photographs by danielbuechele and vultilion)"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
           "truck")  # fmt: skip
SIDE = 32
ARCHIVE = DataFile(
    name="CIFAR-10",
    path="cifar10/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    size=170_052_171,
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)
BATCHES = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Colour pictures with their classes."""

    images: NDArray[np.uint8]  # (N, 32, 32, 3)
    labels: NDArray[np.uint8]  # (N,)

    def __len__(self) -> int:
        return len(self.labels)


def load(split: Split) -> Pictures:
    """50,000 training pictures, or the test pictures: 10,000, of which a data folder may hold half.

    Raises :class:`UserError` where they cannot be had.
    """
    folder = source.data_folder()
    if folder is not None and (folder / "cifar10" / "labels.npz").is_file():
        return _sheets(folder / "cifar10", split)
    return _batches(source.locate(ARCHIVE), split)


def _sheets(folder: Path, split: Split) -> Pictures:
    """The tiles of every sheet of ``split``, in order."""
    try:
        with np.load(folder / "labels.npz", allow_pickle=False) as arrays:
            labels = arrays[f"y_{split}"].astype(np.uint8)
        sheets = [_tiles(path) for path in sorted(folder.glob(f"{split}_*.webp"))]
        images = np.concatenate(sheets)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder} does not hold CIFAR-10 ({error})", "copy it there again"
        ) from error
    if len(images) != len(labels):
        raise UserError(
            f"{folder} holds {len(images):,} pictures for {len(labels):,} labels",
            "copy it there again",
        )
    return Pictures(images=images, labels=labels)


def _tiles(path: Path) -> NDArray[np.uint8]:
    sheet = np.asarray(Image.open(path).convert("RGB"))
    rows, columns = sheet.shape[0] // SIDE, sheet.shape[1] // SIDE
    tiles = sheet.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2)
    return tiles.reshape(rows * columns, SIDE, SIDE, 3)


def _batches(archive: Path, split: Split) -> Pictures:
    """Rows of 1 label and 3 × 1,024 bytes, red plane first."""
    parts = []
    with tarfile.open(archive) as bundle:
        for name in BATCHES[split]:
            member = bundle.extractfile(f"cifar-10-batches-bin/{name}")
            if member is None:
                raise UserError(f"{archive} lacks {name}", "delete it and start again")
            parts.append(np.frombuffer(member.read(), np.uint8).reshape(-1, 1 + 3 * SIDE * SIDE))
    rows = np.concatenate(parts)
    images = rows[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Pictures(images=np.ascontiguousarray(images), labels=rows[:, 0].copy())


def stand_in() -> Pictures:
    """600 colour patches of two photographs inside scikit-learn; labels say which photograph."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    patches, labels = [], []
    for label, photo in enumerate(load_sample_images().images):  # (427, 640, 3) uint8
        small = np.asarray(Image.fromarray(photo).resize((320, 213)))
        for _ in range(300):
            y, x = rng.integers(0, small.shape[0] - SIDE), rng.integers(0, small.shape[1] - SIDE)
            patches.append(small[y : y + SIDE, x : x + SIDE])
            labels.append(label)
    order = rng.permutation(len(labels))
    return Pictures(images=np.stack(patches)[order], labels=np.array(labels, np.uint8)[order])
