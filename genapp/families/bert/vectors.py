"""Texts as vectors: a vector a token and layer, and one a sentence."""

from collections.abc import Sequence

import numpy as np
import torch

from genapp.errors import UserError
from genapp.families.bert import reading
from genapp.families.bert.model import Bert
from genapp.service import Loaded
from genapp.vectors import Words

POOLS = ("mean", "cls", "max")


def vectors(loaded: Loaded, texts: Sequence[str], length: int = 0) -> list[Words]:
    """The tokens of each text, [CLS] and [SEP] included, after the embeddings and every block.

    They are read together, padded to the longest or to ``length``; pads are left out of the
    answer. Raises :class:`UserError` for an empty text.
    """
    if not texts:
        raise UserError("There is no text", "give one sentence or more.")
    model: Bert = loaded.model  # type: ignore[assignment]
    readings = [reading.read(loaded, *reading.two(text)) for text in texts]
    with torch.inference_mode():
        streams = model.encoder.layers(*reading.batch(loaded, readings, length))
        layers = torch.stack(streams).float().cpu().numpy()  # (L + 1, B, T, C)
    pieces = reading.pieces_of(loaded)
    return [
        Words(
            tokens=tuple(pieces.name(i) for i in told.ids),
            kinds=tuple(pieces.kind(i) for i in told.ids),
            layers=layers[:, row, : len(told.ids)],
        )
        for row, told in enumerate(readings)
    ]


def pooled(words: Words, how: str = "mean", layer: int = -1) -> np.ndarray:
    """One vector (C,) of length 1: the mean or the maximum over all tokens, or [CLS] alone."""
    x = words.layers[layer]  # (T, C)
    if how not in POOLS:
        raise UserError(f"Pooling {how!r} is unknown", f"choose one of {', '.join(POOLS)}.")
    vector = {"mean": x.mean(0), "cls": x[0], "max": x.max(0)}[how]
    return vector / max(float(np.linalg.norm(vector)), 1e-12)  # type: ignore[no-any-return]


def table(loaded: Loaded) -> np.ndarray:
    """The token embeddings (V, C): one vector a piece, whatever stands around it."""
    model: Bert = loaded.model  # type: ignore[assignment]
    return model.encoder.embeddings.tokens.weight.float().cpu().numpy()  # type: ignore[no-any-return]
