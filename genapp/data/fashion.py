"""Fashion-MNIST: 70,000 pieces of clothing in MNIST's format, here mostly as intruders.

A model that has seen only digits must find a shoe strange. Source: Xiao, Rasul and Vollgraf,
"Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms" (2017).
"""

from __future__ import annotations

import logging

import numpy as np

from genapp.data import idx, images
from genapp.data.idx import Digits, IdxSet, Split
from genapp.data.source import DataFile
from genapp.errors import UserError

log = logging.getLogger(__name__)

SOURCE = "Fashion-MNIST (Zalando Research, 2017), https://github.com/zalandoresearch/fashion-mnist"
LICENCE = "MIT"
STAND_IN_SOURCE = "28×28 patches of the two sample photographs shipped in scikit-learn"
STAND_IN_LICENCE = "CC BY 2.0 (photographs by danielbuechele and vultilion)"
CLASSES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "trainer",
           "bag", "ankle boot")  # fmt: skip

_COMMIT = "b2617bb6d3ffa2e429640350f613e3291e10b141"
_HOST = f"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/{_COMMIT}/data/fashion"
_MIRROR = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"


def _file(part: str, size: int, sha256: str) -> DataFile:
    return idx.public_file("fashion_mnist", part, size, sha256, (_HOST, _MIRROR))


FASHION = IdxSet(
    name="Fashion-MNIST",
    path="fashion_mnist/fashion_mnist.npz",
    files=(
        _file("train-images", 26_421_880,
              "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        _file("train-labels", 29_515,
              "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        _file("t10k-images", 4_422_102,
              "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        _file("t10k-labels", 5_148,
              "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    fingerprint={
        "train": (60_000, 3_431_114_169, 18_643_160_444),
        "test": (10_000, 573_469_082, 3_113_926_560),
    },
)  # fmt: skip


def load(split: Split) -> Digits:
    """60,000 training or 10,000 test pieces. Raises UserError where they cannot be had.

    The order of the images depends on where they came from (public files or a data folder).
    """
    return idx.load(FASHION, split)


def stand_in() -> Digits:
    """1,000 grey patches of two photographs inside scikit-learn; labels say which photograph."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    patches, labels = [], []
    for label, photo in enumerate(load_sample_images().images):  # (427, 640, 3) uint8
        grey = images.resize_grey(photo.mean(axis=2).astype(np.uint8), 320, 213)  # (213, 320)
        for _ in range(500):
            y, x = rng.integers(0, grey.shape[0] - 28), rng.integers(0, grey.shape[1] - 28)
            patches.append(grey[y : y + 28, x : x + 28])
            labels.append(label)
    return Digits(images=np.stack(patches), labels=np.array(labels, np.uint8))


def load_or_stand_in(split: Split) -> tuple[Digits, bool]:
    """Fashion-MNIST and True, or the patches and False where it cannot be had."""
    try:
        return load(split), True
    except UserError as error:
        log.warning("%s; using patches of photographs inside scikit-learn instead", error)
        return stand_in(), False
