"""Patches in a trained network: where they look, and what their surroundings do to them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genapp.attention import Changes
from genapp.errors import UserError
from genapp.families.vit import pictures
from genapp.families.vit.attention import Trace
from genapp.families.vit.model import Block, ViT
from genapp.service import Loaded

SHOWN = 3  # numbers of a vector that are printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One patch's vector in two pictures."""

    name: str
    here: tuple[float, ...]  # its first numbers
    there: tuple[float, ...]
    apart: float  # largest difference between all of them


def looks(loaded: Loaded, picture: str) -> np.ndarray:
    """Weights (L, T, T) of a picture's pass, the mean of the heads.

    Raises :class:`UserError` for a picture that can't be read.
    """
    model: ViT = loaded.model  # type: ignore[assignment]
    x = tensor(pictures.pixels(pictures.opened(picture), model.config), loaded)
    with loaded.lock:
        trace = Trace(model, x, Changes())
        layers = [trace.weights(layer).mean(0) for layer in range(model.config.layers)]
    return torch.stack(layers).float().cpu().numpy()


def in_two_contexts(loaded: Loaded, picture: str, other: str, patch: int) -> list[Compared]:
    """What ``patch`` of ``picture`` becomes there, and pasted into ``other`` at the same place.

    Raises :class:`UserError` for a picture that can't be read or a patch that isn't there.
    """
    model: ViT = loaded.model  # type: ignore[assignment]
    here, there = (pictures.pixels(pictures.opened(p), model.config) for p in (picture, other))
    x = torch.cat([tensor(p, loaded) for p in (here, pasted(here, there, patch, model))])
    with loaded.lock:
        return compare(model, x, patch)


def pasted(source: np.ndarray, onto: np.ndarray, patch: int, model: ViT) -> np.ndarray:
    """A copy of ``onto`` (S, S, 3) with one patch of ``source``."""
    side, p = model.config.side, model.config.patch
    if not 0 <= patch < side**2:
        raise UserError(f"There is no patch {patch}", f"give 0 to {side**2 - 1}.")
    row, column = (p * i for i in divmod(patch, side))
    out = onto.copy()
    out[row : row + p, column : column + p] = source[row : row + p, column : column + p]
    return out


@torch.inference_mode()
def compare(model: ViT, x: Tensor, patch: int) -> list[Compared]:
    """The patch's vectors in two pictures x (2, 3, S, S): convolved, attended, after all layers."""
    convolved = model.patches(x).flatten(2)[:, :, patch]  # (2, C)
    at = patch + model.config.extra
    stream = model.embed(x)
    first: Block = model.blocks[0]  # type: ignore[assignment]
    attended = first.attention(first.norm1(stream), model.turn)[:, at]
    for block in model.blocks:
        stream = block(stream, model.turn)
    steps = {
        f"convolution {model.config.patch} × {model.config.patch}": convolved,
        "attention, layer 1": attended,
        f"all {model.config.layers} layers": stream[:, at],
    }
    return [_compared(name, *vectors.float()) for name, vectors in steps.items()]


def _compared(name: str, here: Tensor, there: Tensor) -> Compared:
    return Compared(
        name=name,
        here=tuple(here[:SHOWN].tolist()),
        there=tuple(there[:SHOWN].tolist()),
        apart=float((here - there).abs().max()),
    )


def tensor(pixels: np.ndarray, loaded: Loaded) -> Tensor:
    """uint8 (S, S, 3) → (1, 3, S, S) on the model's device."""
    return torch.from_numpy(pictures.scaled(pixels[None])).to(loaded.device)
