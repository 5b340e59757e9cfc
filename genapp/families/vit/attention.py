"""Where a ViT looks: its pass taken apart, with the weights that a fused kernel keeps to itself.

The stream between the blocks is kept; weights of a layer are computed from it when somebody asks.
A hidden patch is neither looked at nor looks: only the other tokens go on without it.
"""

import io
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genapp.attention import Attribution, Changes, Maps, Readout, Side, changes
from genapp.families.vit import pictures
from genapp.families.vit.generate import class_names
from genapp.families.vit.model import Block, ViT
from genapp.families.vit.spec import PRESETS
from genapp.service import Loaded
from genapp.spec import resolve

COVERS = 8  # squares along a side that are covered in turn
SHOWN = 448  # pixels of the picture under the patches


class Trace:
    """One pass over a picture x (1, 3, S, S). Callers hold the model's lock."""

    def __init__(self, model: ViT, x: Tensor, made: Changes) -> None:
        self.model, self.picture, self.made = model, x, made
        with torch.inference_mode():
            self._streams = [model.embed(x)]
        T = self._streams[0].shape[1]
        mask = torch.ones(T, T, dtype=torch.bool, device=x.device)
        mask[:, list(made.hide)] = False
        self.mask = mask | torch.eye(T, dtype=torch.bool, device=x.device)  # (T, T)

    @torch.inference_mode()
    def stream(self, depth: int) -> Tensor:
        """Residual stream (1, T, C) before block ``depth``, or after the last one."""
        while len(self._streams) <= depth:
            at = len(self._streams) - 1
            x, block = self._streams[at], self.block(at)
            q, k, v = block.attention.project(block.norm1(x), self.model.turn)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)  # (1, H, T, D)
            y[:, self.made.of_layer(at)] = 0
            x = x + block.attention.out(y.transpose(1, 2).reshape(x.shape))
            self._streams.append(x + block.mlp(block.norm2(x)))
        return self._streams[depth]

    def block(self, layer: int) -> Block:
        """The module behind a layer."""
        return self.model.blocks[layer]  # type: ignore[return-value]

    @torch.inference_mode()
    def scores(self, layer: int) -> Tensor:
        """q·k (H, T, T), before the scale and the mask."""
        block = self.block(layer)
        q, k, _ = block.attention.project(block.norm1(self.stream(layer)), self.model.turn)
        return (q @ k.transpose(-2, -1))[0]

    @torch.inference_mode()
    def weights(self, layer: int) -> Tensor:
        """softmax(q·k / √D + mask) (H, T, T)."""
        return self.masked(self.scores(layer) / self.root, self.mask).softmax(-1)

    @torch.inference_mode()
    def steps(self, layer: int, head: int, query: int) -> Tensor:
        """(3, T): one query's scores, scaled, masked."""
        raw = self.scores(layer)[head, query]
        scaled = raw / self.root
        return torch.stack([raw, scaled, self.masked(scaled, self.mask[query])])

    @torch.inference_mode()
    def vectors(self, layer: int, head: int) -> Tensor:
        """(2T, D): the queries of a head, then its keys."""
        block = self.block(layer)
        q, k, _ = block.attention.project(block.norm1(self.stream(layer)), self.model.turn)
        return torch.cat([q[0, head], k[0, head]])

    def masked(self, scores: Tensor, mask: Tensor) -> Tensor:
        """``scores`` with −∞ wherever ``mask`` forbids to look."""
        return scores.masked_fill(~mask, -math.inf)

    @torch.inference_mode()
    def logp(self, query: int) -> Tensor:
        """(layers + 1, K): the head's log-probabilities, read at a token after each block."""
        depths = range(self.model.config.layers + 1)
        x = torch.stack([self.stream(depth)[0, query] for depth in depths])
        return self.model.head(self.model.norm(x)).log_softmax(-1)

    @property
    def root(self) -> float:
        """√D"""
        return math.sqrt(self.model.config.width / self.model.config.heads)


@torch.inference_mode()
def covered(model: ViT, x: Tensor) -> Tensor:
    """Occlusion (Zeiler & Fergus 2014): nats (T,) the likeliest class loses with each patch of
    x (1, 3, S, S) painted in the picture's mean colour.

    A large network's patches are covered in squares, 64 at most; front tokens lose nothing.
    """
    side, p = model.config.side, model.config.patch
    step = math.ceil(side / COVERS)  # patches along a square
    whole = model(x).float().log_softmax(-1)[0]
    best = int(whole.argmax())
    lost = torch.zeros(side, side, device=x.device)
    colour = x[0].mean((1, 2))[:, None, None]  # (3, 1, 1)
    corners = [(i, j) for i in range(0, side, step) for j in range(0, side, step)]
    for some in (corners[n : n + 16] for n in range(0, len(corners), 16)):
        batch = x.repeat(len(some), 1, 1, 1)
        for picture, (i, j) in zip(batch, some, strict=True):
            picture[:, i * p : (i + step) * p, j * p : (j + step) * p] = colour
        logp = model(batch).float().log_softmax(-1)[:, best]
        for (i, j), value in zip(some, logp, strict=True):
            lost[i : i + step, j : j + step] = whole[best] - value
    return torch.cat([torch.zeros(model.config.extra, device=x.device), lost.flatten()])


def attention(loaded: Loaded, picture: str, options: Mapping[str, Any]) -> list[Maps]:
    """The maps of a picture: a sample's name or a data URI. ``options``: ``hide``, ``ablate``.

    Raises :class:`UserError` for a picture that can't be read.
    """
    model: ViT = loaded.model  # type: ignore[assignment]
    config = model.config
    image = pictures.opened(picture)
    tokens = config.extra + config.side**2
    made = changes({**options, "swap": None}, tokens, config.layers, config.heads)
    x = torch.from_numpy(pictures.scaled(pictures.pixels(image, config)[None]))
    trace = Trace(model, x.to(loaded.device), made)
    side = _side(config.side, config.extra, _shown(image))

    def locked(function: Any, *args: int) -> np.ndarray:
        with loaded.lock:
            return function(*args).float().cpu().numpy()  # type: ignore[no-any-return]

    attribution = "genapp.families.vit.attribution"  # which builds on this module

    def arrays(query: int, target: int) -> list[np.ndarray]:
        with loaded.lock:
            found = resolve(f"{attribution}:gradient")(trace, query, target)
            return [g.float().cpu().numpy() for g in found]

    def attribute(method: str, query: int) -> Attribution:
        with loaded.lock:
            return resolve(f"{attribution}:attribute")(trace, method, query)  # type: ignore[no-any-return]

    title = PRESETS[loaded.meta.preset].title if loaded.meta.preset in PRESETS else "ViT"
    names = class_names(loaded)
    return [
        Maps(
            queries=side,
            keys=side,
            kind="self",
            title=f"{title} · self-attention, no mask",
            layers=config.layers,
            heads=config.heads,
            layer=partial(locked, trace.weights),
            steps=partial(locked, trace.steps),
            vectors=partial(locked, trace.vectors),
            occlude=partial(locked, partial(covered, model, x.to(loaded.device))),
            readout=Readout(
                logp=partial(locked, trace.logp),
                name=names.__getitem__,
                ask="What the picture shows, read at",
                at=0,
            ),
            gradient=arrays,
            attribute=attribute,
            notice=f"The network reads {config.image} × {config.image} pixels; things smaller than "
            f"a patch of {config.patch} blur into one token.",
        )
    ]


def _side(count: int, extra: int, image: bytes) -> Side:
    front = ("[CLS]", "[DIST]")[:extra]
    patches = tuple(f"{row + 1},{column + 1}" for row in range(count) for column in range(count))
    kinds = ("special",) * extra + ("patch",) * len(patches)
    return Side(tokens=(*front, *patches), kinds=kinds, grid=(count, count), image=image)


def _shown(image: Any) -> bytes:
    buffer = io.BytesIO()
    pictures.square(image, SHOWN).save(buffer, "webp", quality=80)
    return buffer.getvalue()
