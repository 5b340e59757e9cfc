"""A text's tokens as vectors: the residual stream before the first block and after each."""

from collections.abc import Sequence

import torch

from genapp.attention import Changes
from genapp.errors import UserError
from genapp.families.gpt.attention import Trace, read_text, side_of
from genapp.families.gpt.model import GPT
from genapp.service import Loaded
from genapp.vectors import Words


def vectors(loaded: Loaded, texts: Sequence[str]) -> list[Words]:
    """One :class:`Words` per text. A causal model: a token's vector knows only what came before.

    Raises :class:`UserError` for a text the model can't read whole.
    """
    return [_of(loaded, text) for text in texts]


def _of(loaded: Loaded, text: str) -> Words:
    model: GPT = loaded.model  # type: ignore[assignment]
    ids, notice = read_text(loaded, text, "auto")
    if notice:  # part of the text would be missing
        raise UserError(notice.rstrip("."), "shorten the text, or write it in English letters.")
    trace = Trace(model, torch.tensor(ids, device=loaded.device), [], Changes())
    streams = torch.cat([trace.stream(depth) for depth in range(model.config.layers + 1)])
    side = side_of(loaded, ids)
    return Words(tokens=side.tokens, kinds=side.kinds, layers=streams.float().cpu().numpy())
