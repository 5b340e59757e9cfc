"""What a GPT's next token hangs on: its pass once more, with gradients of what is not a weight.

The pass is :class:`~genapp.families.gpt.attention.Trace`'s own, hidden tokens and silent heads
included. Without its content a token is its position alone.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from genapp.attention import Attribution
from genapp.attribution import explain
from genapp.errors import UserError
from genapp.families.gpt.attention import Trace, project

MOST = 1 << 24  # weights of attention whose gradients are held at once: 64 MB, and as much again


def run(trace: Trace, x: Tensor, query: int, kept: list[Tensor] | None = None) -> Tensor:
    """Log-probabilities (B, V) after ``query`` for embedded tokens ``x`` (B, T, C).

    ``kept`` collects the weights (B, H, T, T) of every layer.
    """
    T = x.shape[1]
    mask = trace.mask[:T, :T]
    for at, block in enumerate(trace.model.blocks):
        q, k, v = project(block.attention, block.norm1(x))  # type: ignore[arg-type,operator]
        if kept is None:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (B, H, T, D)
        else:
            scaled = q @ k.transpose(-2, -1) / trace.root
            kept.append(scaled.masked_fill(~mask, -math.inf).softmax(-1))
            y = kept[-1] @ v
        heard = torch.ones(y.shape[1], 1, 1, dtype=y.dtype, device=y.device)
        heard[trace.made.of_layer(at)] = 0
        x = x + block.attention.out((y * heard).transpose(1, 2).reshape(x.shape))  # type: ignore[union-attr,operator]
        x = x + block.mlp(block.norm2(x))  # type: ignore[operator]
    return trace.model.head(trace.model.norm(x[:, query])).log_softmax(-1)  # type: ignore[no-any-return]


def attribute(trace: Trace, method: str, query: int) -> Attribution:
    """The likeliest next token's log-probability at ``query``, shared out among the tokens."""
    model = trace.model
    x, base = embedded(trace, query + 1)  # what comes later has no say
    with torch.no_grad():
        target = int(run(trace, x[None], query)[0].argmax())
    weights = sum(p.numel() for p in model.blocks.parameters())
    found = explain(method, lambda e: run(trace, e, query)[:, target], x, base, weights, target)
    return found.longer(len(trace.mask))


def gradient(trace: Trace, query: int, target: int) -> list[Tensor]:
    """∂ log p(``target`` after ``query``) / ∂A (H, T, T) of every layer; −1 is the likeliest.

    Raises :class:`UserError` where they would fill the memory.
    """
    config, T = trace.model.config, len(trace.mask)
    if config.layers * config.heads * T * T > MOST:
        raise UserError(f"{T} tokens are too many for gradients", "shorten the text.")
    kept: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        x = embedded(trace, T)[0][None].requires_grad_()
        logp = run(trace, x, query, kept)[0]
        chosen = int(logp.argmax()) if target < 0 else target
        return [g[0] for g in torch.autograd.grad(logp[chosen], kept)]


def embedded(trace: Trace, T: int) -> tuple[Tensor, Tensor]:
    """The first ``T`` tokens as the first block reads them, and their positions alone (T, C)."""
    with torch.no_grad():
        base = trace.model.positions.weight[:T].detach().clone()
        return trace.model.tokens(trace.ids[:T]) + base, base
