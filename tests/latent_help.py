"""What the tests of the Latent page share."""

import dataclasses
import re
from typing import Any

import numpy as np

from genapp import checkpoints
from genapp.families.autoencoders import tabs

VAE = "vae-dense-b0.784"


def with_metrics(name: str, **changes: Any) -> None:
    """Puts a copy of a shipped checkpoint with other numbers into this test's own home."""
    folder = checkpoints.find(tabs.FAMILY)[name]
    found = checkpoints.load(folder)
    meta = dataclasses.replace(found.meta, metrics={**found.meta.metrics, **changes})
    target = checkpoints.home() / "checkpoints" / tabs.FAMILY / name
    checkpoints.save(target, found.tensors, meta, found.files)


def text_of(html: str) -> str:
    """The words of a piece of HTML."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def three() -> np.ndarray:
    return tabs.ten()[3]
