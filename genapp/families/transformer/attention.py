"""Where a Transformer translator looks: its encoder, its decoder, and the decoder at the encoder.

The pass of ``model.py`` taken apart, so that words can be hidden and heads silenced without
touching the shared model. Shapes as there, with B = 1; Q queries and K keys of one attention.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from genapp.attention import Maps, Side
from genapp.families.transformer.model import Attention, DecoderBlock, EncoderBlock, Transformer
from genapp.service import Loaded
from genapp.translation import looking


class Looks:
    """One of the three attentions, layer after layer."""

    def __init__(self, model: Transformer, mask: Tensor, told: looking.Pass, part: int) -> None:
        self.mask = mask  # (Q, K), False where a key must not be seen
        self.root = math.sqrt(model.config.width / model.config.heads)  # √D
        self.first = part * model.config.layers
        self.told = told
        self.scores: list[Tensor] = []  # q·k (H, Q, K)

    def __call__(self, attention: Attention, x: Tensor, memory: Tensor) -> Tensor:
        """``attention`` of ``x`` (1, Q, C) over ``memory`` (1, K, C), its silent heads left out."""
        q, (k, v) = attention.split(attention.q(x)), attention.project(memory)
        self.scores.append((q @ k.transpose(2, 3))[0])
        at = len(self.scores) - 1
        y = self.weights(at) @ v[0]  # (H, Q, D)
        y[self.told.made.of_layer(self.first + at)] = 0
        return attention.out(y.transpose(0, 1).flatten(1))[None]  # type: ignore[no-any-return]

    def weights(self, layer: int) -> Tensor:
        """(H, Q, K)"""
        return (self.scores[layer] / self.root).masked_fill(~self.mask, -math.inf).softmax(-1)

    def steps(self, layer: int, head: int, query: int) -> Tensor:
        """(3, K): one query's scores, scaled, masked."""
        raw = self.scores[layer][head, query]
        scaled = raw / self.root
        return torch.stack([raw, scaled, scaled.masked_fill(~self.mask[query], -math.inf)])


def attention(loaded: Loaded, text: str, options: Mapping[str, Any]) -> list[Maps]:
    """Encoder, decoder and cross maps of ``text`` and its translation (second line, or the
    model's own).

    ``options`` may hold ``hide``, ``swap`` and ``ablate``; a hidden token is masked for all
    others, in every attention. ``ablate`` counts layers over the three maps in turn.
    """
    model: Transformer = loaded.model  # type: ignore[assignment]
    told = looking.passed(loaded, text, options, maps=3)
    (encoder, decoder, cross), logp = _pass(model, told)
    after = told.readout(logp, "What comes after")
    written = told.readout(logp, "In place of")
    own, target = tuple(told.origins[0]), tuple(told.origins[1])

    def maps(looks: Looks, queries: Side, keys: Side, kind: str, title: str, **more: Any) -> Maps:
        def array(tensor: Tensor) -> np.ndarray:
            return tensor.float().cpu().numpy()  # type: ignore[no-any-return]

        return Maps(
            queries=queries,
            keys=keys,
            kind=kind,
            title=f"Transformer · {title}",
            layers=model.config.layers,
            heads=model.config.heads,
            layer=lambda layer: array(looks.weights(layer)),
            steps=lambda layer, head, query: array(looks.steps(layer, head, query)),
            first=looks.first,
            **more,
        )

    return [
        maps(encoder, told.read, told.read, "self", "encoder self-attention", origins=own),
        maps(decoder, told.so_far, told.so_far, "causal", "decoder self-attention",
             origins=target, readout=after),
        maps(cross, told.written, told.read, "cross", "cross-attention: what each word was "
             "written from", origins=told.written_origins, key_origins=own, readout=written,
             notice=told.notice),
    ]  # fmt: skip


@torch.inference_mode()
def _pass(model: Transformer, told: looking.Pass) -> tuple[list[Looks], Tensor]:
    """The three attentions, and log-probabilities (layers + 1, T, V) after each decoder block."""
    source, target = told.tensors()
    hidden, blind = (side.to(source.device) for side in told.hidden)
    S, T = source.shape[1], target.shape[1]
    seen = ~hidden | torch.eye(S, dtype=torch.bool, device=source.device)
    past = (~blind).expand(T, T).tril() | torch.eye(T, dtype=torch.bool, device=source.device)
    across = (~hidden if not hidden.all() else hidden).expand(T, S)
    looks = [Looks(model, mask, told, part) for part, mask in enumerate((seen, past, across))]
    x = model.enter(model.source, source, 0)
    for block in cast("Iterable[EncoderBlock]", model.encoder):
        h = block.first.enter(x)
        x = block.first.leave(x, looks[0](block.attention, h, h))
        x = block.second.leave(x, block.ff(block.second.enter(x)))
    memory = model.encoder_norm(x)
    x = model.enter(model.target, target, 0)
    logits = [model.logits(x)]
    for layer in cast("Iterable[DecoderBlock]", model.decoder):
        h = layer.first.enter(x)
        x = layer.first.leave(x, looks[1](layer.attention, h, h))
        x = layer.second.leave(x, looks[2](layer.cross, layer.second.enter(x), memory))
        x = layer.third.leave(x, layer.ff(layer.third.enter(x)))
        logits.append(model.logits(x))
    return looks, torch.cat(logits).float().log_softmax(-1)
