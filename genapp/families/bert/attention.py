"""Where a BERT looks: its pass taken apart, layer by layer, as the Viewer asks for it.

:class:`Trace` runs the model's own modules and keeps what stands between the blocks; a layer's
weights are computed from it when somebody asks, so a head can be silenced without touching the
shared model. Shapes as in ``model.py``, with B = 1.
"""

import math
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genapp.attention import Changes, Maps, Readout, Side, changes
from genapp.errors import UserError
from genapp.families.bert import reading
from genapp.families.bert.model import Bert, Block
from genapp.families.bert.reading import Reading
from genapp.families.bert.spec import PRESETS
from genapp.families.bert.wordpiece import WordPiece
from genapp.service import Loaded


class Trace:
    """One pass over a reading, run as far as it is asked for; threads may share it."""

    def __init__(self, loaded: Loaded, told: Reading, made: Changes) -> None:
        self.model: Bert = loaded.model  # type: ignore[assignment]
        self.made = made
        self._lock = threading.Lock()
        ids, segments, _ = reading.batch(loaded, [told])
        with torch.inference_mode():
            self._streams = [self.model.encoder.embeddings(ids, segments)]

    @torch.inference_mode()
    def stream(self, depth: int) -> Tensor:
        """What stands at every token (1, T, C) before block ``depth``, or after the last."""
        while len(self._streams) <= depth:
            with self._lock:
                at = len(self._streams) - 1
                if at < depth:
                    self._streams.append(self._through(at))
        return self._streams[depth]

    def _through(self, at: int) -> Tensor:
        block: Block = self.model.encoder.blocks[at]  # type: ignore[assignment]
        x = self._streams[at]
        q, k, v = block.attention.project(x)
        y = F.scaled_dot_product_attention(q, k, v)  # (1, H, T, D)
        y[:, self.made.of_layer(at)] = 0
        return block.finish(x, block.attention.out(y.transpose(1, 2).reshape(x.shape)))

    @torch.inference_mode()
    def scores(self, layer: int) -> Tensor:
        """q·k (H, T, T), before the scale."""
        block: Block = self.model.encoder.blocks[layer]  # type: ignore[assignment]
        q, k, _ = block.attention.project(self.stream(layer))
        return (q @ k.transpose(-2, -1))[0]

    def weights(self, layer: int) -> Tensor:
        """softmax(q·k / √D) (H, T, T): what the fused kernel doesn't return."""
        return (self.scores(layer) / self.root).softmax(-1)

    def steps(self, layer: int, head: int, query: int) -> Tensor:
        """(3, T): one query's scores, scaled, masked; nothing is masked here."""
        raw = self.scores(layer)[head, query]
        return torch.stack([raw, raw / self.root, raw / self.root])

    @torch.inference_mode()
    def logp(self, query: int) -> Tensor:
        """(layers + 1, V): the word head's log-probabilities at ``query``, read after each block.

        The logit lens (nostalgebraist 2020): the head was trained for the last block only.
        """
        depths = range(self.model.config.layers + 1)
        x = torch.stack([self.stream(depth)[0, query] for depth in depths])
        return self.model.word_logits(x).log_softmax(-1)

    @property
    def root(self) -> float:
        """√D"""
        return math.sqrt(self.model.config.width / self.model.config.heads)


def attention(loaded: Loaded, text: str, options: Mapping[str, Any]) -> list[Maps]:
    """The maps of ``text``; a line break parts sentence A from sentence B.

    ``options`` may hold ``hide`` (a token becomes [MASK]), ``swap`` and ``ablate``. Raises
    :class:`UserError` for a text without a word.
    """
    model: Bert = loaded.model  # type: ignore[assignment]
    config, pieces = model.config, reading.pieces_of(loaded)
    told = reading.read(loaded, *reading.two(text))
    made = changes(options, len(told.ids), config.layers, config.heads)
    told, origins = _changed(loaded, told, made)
    trace = Trace(loaded, told, made)
    side = Side(
        tokens=tuple(pieces.name(i) for i in told.ids),
        kinds=tuple(pieces.kind(i) for i in told.ids),
    )
    title = PRESETS[loaded.meta.preset].title if loaded.meta.preset in PRESETS else "BERT"
    reads = "sentence A and B" if told.split else "both sides"

    def array(function: Any, *args: int) -> np.ndarray:
        return function(*args).float().cpu().numpy()  # type: ignore[no-any-return]

    return [
        Maps(
            queries=side,
            keys=side,
            kind="pair" if told.split else "self",
            title=f"{title} · self-attention, {reads}",
            layers=config.layers,
            heads=config.heads,
            layer=partial(array, trace.weights),
            split=told.split,
            steps=partial(array, trace.steps),
            readout=Readout(
                logp=partial(array, trace.logp),
                name=pieces.name,
                ask="What belongs at",
                at=_first_question(told, pieces),
            ),
            origins=tuple(origins),
            notice=told.notice,
        )
    ]


def _first_question(told: Reading, pieces: WordPiece) -> int:
    """The first gap, or the last word there is."""
    if pieces.mask in told.ids:
        return told.ids.index(pieces.mask)
    words = [i for i, t in enumerate(told.ids) if pieces.name(t).strip("#").isalnum()]
    return words[-1] if words else 1


def _changed(loaded: Loaded, told: Reading, made: Changes) -> tuple[Reading, list[int]]:
    """The reading with masks and other words in some places, and where each token came from."""
    pieces = reading.pieces_of(loaded)
    new: list[int] = []
    origins: list[int] = []
    split = 0
    for at, token in enumerate(told.ids):
        if told.split and at == told.split:
            split = len(new)
        put = [token]
        if at in made.swap:
            put = pieces.encode(made.swap[at])
        if at in made.hide:
            put = [pieces.mask]
        if not put:
            raise UserError(f"The model can't read {made.swap[at]!r}", "swap in a word.")
        new += put
        origins += [at] * len(put)
    if len(new) > loaded.model.config.context:  # type: ignore[union-attr, operator]
        raise UserError("With this swap the text is too long", "swap in fewer letters.")
    return Reading(ids=tuple(new), split=split, notice=told.notice), origins
