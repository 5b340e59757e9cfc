"""Reading tokens one by one: the cache, the step without modules, and what happens when it is full.

At batch 1 a step of GPT-2 small is 150 small calls around 49 matrix-vector products. :class:`Step`
makes the same calls with the modules' wrappers taken off (1.3 instead of 2.4 ms a token besides
the products themselves); a test holds the two equal.

int8 is PyTorch's own dynamic quantisation (FBGEMM). torchao's counterpart, without compiling, took
0.55 ms where this takes 0.05 (768 × 3072) and 80 ms where this takes 2.2 (the head, 50,257 rows),
on one Zen 4 thread.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genapp.families.gpt.model import GPT, Block, Cache

Map = Callable[[Tensor], Tensor]


class Reader:
    """A model, its cache and what is in it: tokens in, logits (V,) of the next one out.

    The logits are fp32 on the CPU, so that the draw does not depend on the device.
    """

    def __init__(self, model: GPT, head: Sequence[int] = ()) -> None:
        """``head`` stays first when the older half goes, e.g. a style token."""
        self.model, self.cache, self.head = model, model.new_cache(), list(head)
        self.context: list[int] = []
        self.step = Step(model)

    @torch.inference_mode()
    def read(self, tokens: list[int]) -> Tensor:
        """Reads ``tokens`` behind those before; a full context first drops its older half."""
        limit = self.model.config.context
        if len(self.context) + len(tokens) > limit:
            tokens = self.head + (self.context + tokens)[-(limit // 2) :]
            self.context = []
        position = len(self.context)
        self.context += tokens
        ids = torch.tensor([tokens], device=self.cache.layers[0].device)
        if len(tokens) == 1 and position > 0:
            return self.step(ids, self.cache, position)[0].float().cpu()
        return self.model.head(self.model.hidden(ids, self.cache, position)[:, -1])[0].float().cpu()


class Step:
    """One more token for each row of a batch: ``model(tokens, cache, position)`` for T = 1."""

    def __init__(self, model: GPT) -> None:
        self.tokens, self.positions = model.tokens.weight, model.positions.weight
        self.shape = (3, model.config.heads, 1, model.config.width // model.config.heads)
        blocks: list[Block] = list(model.blocks)  # type: ignore[arg-type]
        self.blocks = [
            (
                _norm(block.norm1), _linear(block.attention.qkv), _linear(block.attention.out),
                _norm(block.norm2), _linear(block.mlp.up), _linear(block.mlp.down),
            )
            for block in blocks
        ]  # fmt: skip
        self.norm, self.head = _norm(model.norm), _linear(model.head)

    def __call__(self, tokens: Tensor, cache: Cache, position: int) -> Tensor:
        """Logits (B, V) after ``tokens`` (B, 1), which enter the cache at ``position``."""
        attend, gelu = F.scaled_dot_product_attention, F.gelu
        x = F.embedding(tokens, self.tokens) + self.positions[position]  # (B, 1, C)
        for kept, (norm1, qkv, out, norm2, up, down) in zip(cache.layers, self.blocks, strict=True):
            new = qkv(norm1(x)).view(-1, *self.shape)  # (B, 3, H, 1, D)
            kept.narrow(3, position, 1).copy_(new.narrow(1, 1, 2))
            k, v = kept.narrow(3, 0, position + 1).unbind(1)  # (B, H, position + 1, D)
            x = x + out(attend(new.select(1, 0), k, v).reshape(x.shape))
            x = x + down(gelu(up(norm2(x)), approximate="tanh"))
        return self.head(self.norm(x))[:, 0]


def _norm(module: nn.LayerNorm) -> Map:
    weight, bias, shape, eps = module.weight, module.bias, module.normalized_shape, module.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)


def _linear(module: nn.Module) -> Map:
    """The bare product of ``nn.Linear`` or of its int8 form, whose weight is packed."""
    if isinstance(module, torch.ao.nn.quantized.dynamic.Linear):
        packed, product = module._packed_params._packed_params, torch.ops.quantized.linear_dynamic
        return lambda x: product(x, packed, True)  # 7-bit inputs: no overflow without VNNI
    weight, bias = module.weight, module.bias
    return lambda x: F.linear(x, weight, bias)  # type: ignore[arg-type]
