"""Where a GPT looks: its pass taken apart, with the weights that a fused kernel keeps to itself.

:class:`Trace` runs the model's own modules block by block and keeps the residual stream between
them; weights of a layer are computed from it when somebody asks. So the first layer of a long text
costs almost nothing, and a head can be silenced without touching the shared model.
Shapes as in ``model.py``: B = 1 is dropped outside the modules.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genapp.attention import Changes, Maps, Readout, Side, changes
from genapp.errors import UserError
from genapp.families.gpt import prompt as prompts
from genapp.families.gpt.model import GPT, Attention, Block
from genapp.families.gpt.spec import PRESETS
from genapp.families.gpt.tokenizer import token_text
from genapp.service import Loaded
from genapp.spec import resolve

KEPT = 4  # layers of weights; GPT-2 small takes 12 MB each at 512 tokens


class Trace:
    """One pass over ``ids`` (T,), run as far as it is asked for.

    ``hidden`` positions are seen by nobody but themselves; the heads in ``made.ablate`` add
    nothing. Threads may share it: whoever waits for a block waits for that block only.
    """

    def __init__(self, model: GPT, ids: Tensor, hidden: list[int], made: Changes) -> None:
        self.model, self.ids, self.made = model, ids, made
        self._lock = threading.Lock()
        T = len(ids)
        self.causal = not hidden  # the kernel knows this mask by itself, and skips half the work
        mask = torch.ones(T, T, dtype=torch.bool, device=ids.device).tril()
        mask[:, hidden] = False
        self.mask = mask | torch.eye(T, dtype=torch.bool, device=ids.device)  # (T, T)
        with torch.inference_mode():
            self._streams = [(model.tokens(ids) + model.positions.weight[:T])[None]]
        self._weights: OrderedDict[int, Tensor] = OrderedDict()

    @torch.inference_mode()
    def stream(self, depth: int) -> Tensor:
        """Residual stream (1, T, C) before block ``depth``, or after the last one."""
        while len(self._streams) <= depth:
            with self._lock:
                at = len(self._streams) - 1
                if at < depth:
                    block: Block = self.model.blocks[at]  # type: ignore[assignment]
                    self._streams.append(self._through(block, at))
        return self._streams[depth]

    def _through(self, block: Block, at: int) -> Tensor:
        x = self._streams[at]
        q, k, v = project(block.attention, block.norm1(x))
        mask = None if self.causal else self.mask
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=self.causal)
        y[:, self.made.of_layer(at)] = 0
        x = x + block.attention.out(y.transpose(1, 2).reshape(x.shape))
        return x + block.mlp(block.norm2(x))

    @torch.inference_mode()
    def scores(self, layer: int) -> Tensor:
        """q·k (H, T, T), before the scale and the mask."""
        block: Block = self.model.blocks[layer]  # type: ignore[assignment]
        q, k, _ = project(block.attention, block.norm1(self.stream(layer)))
        return (q @ k.transpose(-2, -1))[0]

    @torch.inference_mode()
    def weights(self, layer: int) -> Tensor:
        """softmax(q·k / √D + mask) (H, T, T): what the fused kernel doesn't return."""
        kept = self._weights.get(layer)
        if kept is None:
            scaled = self.scores(layer).div_(self.root)
            kept = scaled.masked_fill_(~self.mask, -math.inf).softmax(-1)
        with self._lock:
            self._weights[layer] = kept
            self._weights.move_to_end(layer)
            if len(self._weights) > KEPT:
                self._weights.popitem(last=False)
        return kept

    @torch.inference_mode()
    def steps(self, layer: int, head: int, query: int) -> Tensor:
        """(3, T): one query's scores, scaled, masked."""
        raw = self.scores(layer)[head, query]
        scaled = raw / self.root
        return torch.stack([raw, scaled, scaled.masked_fill(~self.mask[query], -math.inf)])

    @torch.inference_mode()
    def logp(self, query: int) -> Tensor:
        """(layers + 1, V): log-probabilities of what follows ``query``, read after each block.

        The logit lens (nostalgebraist 2020): final norm and head on an unfinished stream.
        """
        depths = range(self.model.config.layers + 1)
        x = torch.stack([self.stream(depth)[0, query] for depth in depths])
        return self.model.head(self.model.norm(x)).log_softmax(-1)

    @property
    def root(self) -> float:
        """√D"""
        return math.sqrt(self.model.config.width / self.model.config.heads)


def project(attention: Attention, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (B, H, T, D) of ``x`` (B, T, C)."""
    B, T, C = x.shape
    qkv = attention.qkv(x).view(B, T, 3, attention.heads, C // attention.heads)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    return q, k, v


def attention(loaded: Loaded, text: str, options: Mapping[str, Any]) -> list[Maps]:
    """The causal maps of ``text``; ``options`` may hold ``style``, ``hide``, ``swap``, ``ablate``.

    The text stands behind its style's token or the end-of-text token, as it did in training; a
    text beyond the context loses its beginning. A hidden token is masked for all that follow it:
    a GPT has no [MASK] of its own. Raises :class:`UserError` for a text without a token.
    """
    model: GPT = loaded.model  # type: ignore[assignment]
    ids, notice = read_text(loaded, text, str(options.get("style", "auto")))
    config = model.config
    made = changes(options, len(ids), config.layers, config.heads)
    ids, origins = _swapped(loaded, ids, made.swap)
    if len(ids) > config.context:
        raise UserError("With this swap the text is too long", "swap in fewer letters.")
    hidden = [i for i, origin in enumerate(origins) if origin in made.hide]
    trace = Trace(model, torch.tensor(ids, device=loaded.device), hidden, made)
    side = side_of(loaded, ids)
    title = PRESETS[loaded.meta.preset].title if loaded.meta.preset in PRESETS else "GPT"
    attribution = "genapp.families.gpt.attribution"  # which builds on this module

    def array(function: Any, *args: int) -> np.ndarray:
        return function(*args).float().cpu().numpy()  # type: ignore[no-any-return]

    def arrays(query: int, target: int) -> list[np.ndarray]:
        found = resolve(f"{attribution}:gradient")(trace, query, target)
        return [g.float().cpu().numpy() for g in found]

    return [
        Maps(
            queries=side,
            keys=side,
            kind="causal",
            title=f"{title} · causal self-attention",
            layers=config.layers,
            heads=config.heads,
            layer=partial(array, trace.weights),
            steps=partial(array, trace.steps),
            readout=Readout(logp=partial(array, trace.logp), name=partial(_name, loaded)),
            gradient=arrays,
            attribute=partial(resolve(f"{attribution}:attribute"), trace),
            begin=partial(trace.stream, config.layers - 1),
            origins=tuple(origins),
            notice=notice,
        )
    ]


def read_text(loaded: Loaded, text: str, style: str) -> tuple[list[int], str]:
    """Ids and a notice of what had to give."""
    if not text.strip():
        raise UserError("There is no text", "write a sentence.")
    read, tokenizer = prompts.encode(loaded, text, style), prompts.tokenizer_of(loaded)
    head = list(read.head) or ([] if tokenizer.end is None else [tokenizer.end])
    return [*head, *read.body], read.notice


def _swapped(
    loaded: Loaded, ids: list[int], swap: Mapping[int, str]
) -> tuple[list[int], list[int]]:
    """Ids with other words in some places, and where each came from."""
    tokenizer = prompts.tokenizer_of(loaded)
    new: list[int] = []
    origins: list[int] = []
    for at, token in enumerate(ids):
        words = [token] if at not in swap else tokenizer.encode(_spaced(tokenizer, token, swap[at]))
        if not words:
            raise UserError(f"The model can't read {swap[at]!r}", "swap in a word.")
        new += words
        origins += [at] * len(words)
    return new, origins


def _spaced(tokenizer: Any, token: int, text: str) -> str:
    """``text`` with the blank that the token it replaces began with."""
    blank = token_text(tokenizer, token).startswith(" ") and not text.startswith(" ")
    return " " + text if blank else text


def side_of(loaded: Loaded, ids: list[int]) -> Side:
    """The tokens by name, those that stand for no text marked special."""
    names = tuple(_name(loaded, i) for i in ids)
    tokenizer = prompts.tokenizer_of(loaded)
    kinds = tuple("word" if tokenizer.token_bytes(i) else "special" for i in ids)
    return Side(tokens=names, kinds=kinds)


def _name(loaded: Loaded, token: int) -> str:
    return token_text(prompts.tokenizer_of(loaded), token)
