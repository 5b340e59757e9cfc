"""MNIST: 70,000 handwritten digits, and a stand-in that ships inside scikit-learn.

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998).
"""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from genapp.data import idx, images
from genapp.data.idx import Digits, IdxSet, Split
from genapp.data.source import DataFile
from genapp.errors import UserError

log = logging.getLogger(__name__)

SOURCE = "MNIST (LeCun, Cortes, Burges, 1998), http://yann.lecun.com/exdb/mnist/"
LICENCE = "CC BY-SA 3.0, as commonly given"
STAND_IN_SOURCE = (
    "Optical Recognition of Handwritten Digits (Alpaydin, Kaynak, 1998), UCI Machine Learning "
    "Repository, test part, as shipped in scikit-learn; enlarged from 8×8"
)
STAND_IN_LICENCE = "CC BY 4.0"
CLASSES = tuple("0123456789")

_HOST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_MIRROR = "https://storage.googleapis.com/cvdf-datasets/mnist"


def _file(part: str, size: int, sha256: str) -> DataFile:
    return idx.public_file("mnist", part, size, sha256, (_HOST, _MIRROR))


MNIST = IdxSet(
    name="MNIST",
    path="mnist/mnist.npz",
    files=(
        _file("train-images", 9_912_422,
              "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        _file("train-labels", 28_881,
              "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        _file("t10k-images", 1_648_877,
              "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        _file("t10k-labels", 4_542,
              "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    fingerprint={
        "train": (60_000, 1_567_298_545, 8_505_836_182),
        "test": (10_000, 264_923_200, 1_441_434_027),
    },
)  # fmt: skip


def load(split: Split) -> Digits:
    """MNIST's 60,000 training or 10,000 test digits. Raises UserError where it cannot be had."""
    return idx.load(MNIST, split)


def stand_in() -> Digits:
    """1,797 real digits at MNIST's scale, from scikit-learn's 8×8 set; needs no download.

    Enlarged, cut at half ink so that strokes have edges again, brought to 20 pixels and centred by
    mass in 28×28. Stubbier than MNIST: good for a demonstration, not for numbers beside a paper's.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    grey = np.pad(data.images * (255 / 16), ((0, 0), (1, 1), (1, 1)))  # (1797, 10, 10)
    small = np.rint(grey).astype(np.uint8)
    large = [images.centre_by_mass(_redrawn(image)) for image in small]
    return Digits(images=np.stack(large), labels=data.target.astype(np.uint8))


def _redrawn(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(10, 10) → (25, 25) with strokes as sharp as a pen's."""
    large = images.resize_grey(small, 100, 100).astype(np.float32) / 255
    ink = 1 / (1 + np.exp(-14 * (large - 0.5)))
    return np.rint(255 * ink.reshape(25, 4, 25, 4).mean((1, 3))).astype(np.uint8)


def load_or_stand_in(split: Split) -> tuple[Digits, bool]:
    """MNIST and True, or the stand-in and False where MNIST cannot be had.

    The stand-in's last 297 digits are its test split; some writers may be in both.
    """
    try:
        return load(split), True
    except UserError as error:
        log.warning("%s; using the digits inside scikit-learn instead", error)
    digits = stand_in()
    part = slice(None, 1_500) if split == "train" else slice(1_500, None)
    return Digits(images=digits.images[part], labels=digits.labels[part]), False


def to_unit(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 ``(N, 28, 28)`` → float32 ``(N, 1, 28, 28)`` in 0…1, ready for a network."""
    return grey[:, None].astype(np.float32) / np.float32(255)
