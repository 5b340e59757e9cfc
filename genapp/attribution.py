"""Which inputs an answer hangs on: gradient × input, occlusion, integrated gradients.

Nothing here knows a model: ``f`` maps embedded tokens (B, T, C) to one number per row (B,), such as
a log-probability; ``x`` (T, C) are the tokens as they are and ``base`` (T, C) the same places
without their content. Nothing but ``x`` gets a gradient, so a shared model stays as it is.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from genapp.attention import ATTRIBUTIONS, Attribution
from genapp.errors import UserError

Score = Callable[[Tensor], Tensor]

BATCH = 4096  # tokens that one pass holds
NODES = (12, 24, 48, 96)  # of the quadrature, until the sum is right
CLOSE = 0.005  # of f(x) − f(base), at which it is
MOST = 1.5e12  # floating-point operations of one answer: about 15 s on two cores


def explain(
    method: str, f: Score, x: Tensor, base: Tensor, weights: int, target: int
) -> Attribution:
    """Attributes ``f(x)`` to the tokens by ``method`` (of ``ATTRIBUTIONS``).

    ``weights`` is the number of weights a token passes; ``target`` goes into the result. Raises
    :class:`UserError` for an unknown method and for what would take too long.
    """
    if method not in ATTRIBUTIONS:
        raise UserError(f"Unknown method {method!r}", f"use one of {', '.join(ATTRIBUTIONS)}.")
    T = len(x)
    cost = 2.0 * T * weights  # of one pass
    passes = {"gradient": 3, "occlusion": T, "integrated": 3 * NODES[0]}[method]
    if passes * cost > MOST:
        raise UserError(
            f"{ATTRIBUTIONS[method]} would take {passes} passes over {T} tokens of this model",
            "shorten the text, or take gradient × input.",
        )
    with torch.inference_mode(False):
        x, base = x.clone(), base.clone()  # of inference mode or not, autograd may have these
        with torch.no_grad():
            there, start = f(torch.stack([x, base])).tolist()
        if method == "gradient":
            values = ((x - base) * gradients(f, x[None])[0]).sum(-1)
        elif method == "occlusion":
            values = occlusion(f, x, base)
        else:
            values = integrated(f, x, base, there - start, most=int(MOST / (3 * cost)))
    return Attribution(
        values=values.float().cpu().numpy(), target=target, logp=there, gap=there - start
    )


def gradients(f: Score, x: Tensor) -> Tensor:
    """∂f/∂x for every row of ``x`` (B, T, C)."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(f(x).sum(), x)[0]


@torch.no_grad()
def occlusion(f: Score, x: Tensor, base: Tensor) -> Tensor:
    """(T,): by how much f falls when a token's content goes (Zeiler & Fergus 2014)."""
    T = len(x)
    whole = f(x[None])
    step = max(1, BATCH // T)
    without = []
    for at in range(0, T, step):
        gone = torch.arange(at, min(at + step, T), device=x.device)
        rows = x.repeat(len(gone), 1, 1)
        rows[torch.arange(len(gone)), gone] = base[gone]
        without.append(f(rows))
    return whole - torch.cat(without)


def integrated(f: Score, x: Tensor, base: Tensor, gap: float, most: int = NODES[-1]) -> Tensor:
    """(T,): (x − x′) ∫₀¹ ∂f/∂x at x′ + α(x − x′) dα; sums to ``gap`` = f(x) − f(x′).

    Sundararajan et al. 2017, with Gauss–Legendre nodes: as many as that sum asks for, but no more
    than ``most``.
    """
    values = torch.zeros(len(x), device=x.device)
    for count in NODES:
        if count > max(most, NODES[0]):
            break
        nodes, shares = np.polynomial.legendre.leggauss(count)
        alpha = torch.tensor((nodes + 1) / 2, dtype=x.dtype, device=x.device)
        share = torch.tensor(shares / 2, dtype=x.dtype, device=x.device)
        mean = torch.zeros_like(x)
        for part in torch.arange(count, device=x.device).split(max(1, BATCH // len(x))):
            rows = base + alpha[part, None, None] * (x - base)
            mean += (share[part, None, None] * gradients(f, rows)).sum(0)
        values = ((x - base) * mean).sum(-1)
        if abs(float(values.sum()) - gap) <= CLOSE * abs(gap):
            break
    return values
