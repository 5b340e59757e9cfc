"""What a ViT's class hangs on: its pass once more, with gradients of what is not a weight.

The pass is :class:`~genapp.families.vit.attention.Trace`'s own, hidden patches and silent heads
included. Without its content a patch is mid-grey, at its place.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from genapp.attention import Attribution
from genapp.attribution import explain
from genapp.errors import UserError
from genapp.families.vit.attention import Trace

MOST = 1 << 24  # weights of attention whose gradients are held at once


def run(trace: Trace, x: Tensor, query: int, kept: list[Tensor] | None = None) -> Tensor:
    """Log-probabilities (B, K) of the classes, read at token ``query`` of ``x`` (B, T, C).

    ``kept`` collects the weights (B, H, T, T) of every layer.
    """
    for at in range(trace.model.config.layers):
        block = trace.block(at)
        q, k, v = block.attention.project(block.norm1(x), trace.model.turn)
        if kept is None:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=trace.mask)  # (B, H, T, D)
        else:
            kept.append(trace.masked(q @ k.transpose(-2, -1) / trace.root, trace.mask).softmax(-1))
            y = kept[-1] @ v
        heard = torch.ones(y.shape[1], 1, 1, dtype=y.dtype, device=y.device)
        heard[trace.made.of_layer(at)] = 0
        x = x + block.attention.out((y * heard).transpose(1, 2).reshape(x.shape))
        x = x + block.mlp(block.norm2(x))
    return trace.model.head(trace.model.norm(x[:, query])).log_softmax(-1)  # type: ignore[no-any-return]


def attribute(trace: Trace, method: str, query: int) -> Attribution:
    """The likeliest class's log-probability, read at ``query``, shared out among the tokens."""
    x, base = embedded(trace)
    with torch.no_grad():
        target = int(run(trace, x[None], query)[0].argmax())
    weights = sum(p.numel() for p in trace.model.blocks.parameters())
    return explain(method, lambda e: run(trace, e, query)[:, target], x, base, weights, target)


def gradient(trace: Trace, query: int, target: int) -> list[Tensor]:
    """∂ log p(class ``target``, read at ``query``) / ∂A (H, T, T) of every layer; −1 is the
    likeliest.

    Raises :class:`UserError` where they would fill the memory.
    """
    config, T = trace.model.config, len(trace.mask)
    if config.layers * config.heads * T * T > MOST:
        raise UserError(f"{T} patches are too many for gradients", "choose a smaller model.")
    kept: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        x = embedded(trace)[0][None].requires_grad_()
        logp = run(trace, x, query, kept)[0]
        chosen = int(logp.argmax()) if target < 0 else target
        return [g[0] for g in torch.autograd.grad(logp[chosen], kept)]


def embedded(trace: Trace) -> tuple[Tensor, Tensor]:
    """The tokens of the picture, and of a grey one (T, C)."""
    with torch.no_grad():
        both = torch.cat([trace.picture, torch.zeros_like(trace.picture)])
        x, base = trace.model.embed(both)
    return x, base
