"""Where a recurrent translator looks back: one map, a row for every word it writes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genapp.attention import Maps
from genapp.errors import UserError
from genapp.families.seq2seq.model import Seq2Seq
from genapp.service import Loaded
from genapp.translation import looking
from genapp.translation.vocab import UNK


def attention(loaded: Loaded, text: str, options: Mapping[str, Any]) -> list[Maps]:
    """The alignment of ``text`` and its translation (second line, or the model's own).

    ``options`` may hold ``hide``, ``swap`` and ``ablate``. A hidden source word can't be looked
    at, though the encoder has read it; a hidden word of the translation is read as ``<unk>``.
    Without its one head the decoder gets no context at all. Raises :class:`UserError` for a model
    that has no attention.
    """
    model: Seq2Seq = loaded.model  # type: ignore[assignment]
    if not model.attends:
        raise UserError("This model has no attention", "choose the GRU with attention.")
    told = looking.passed(loaded, text, options, maps=1)
    weights, logp = _forced(model, told)
    rows: np.ndarray = weights.float().cpu().numpy()
    return [
        Maps(
            queries=told.written,
            keys=told.read,
            kind="alignment",
            title="GRU · alignment: what was read for each word",
            layers=1,
            heads=1,
            layer=lambda _: rows[None],
            readout=told.readout(logp, "In place of"),
            origins=told.written_origins,
            key_origins=tuple(told.origins[0]),
            notice=told.notice,
        )
    ]


@torch.inference_mode()
def _forced(model: Seq2Seq, told: looking.Pass) -> tuple[Tensor, Tensor]:
    """Weights (T, S) and log-probabilities (2, T, V) while the translation is written.

    Read twice, as a logit lens: from the state before a step, and from the one after it.
    """
    source, target = told.tensors()
    hidden, blind = (side.to(source.device) for side in told.hidden)
    target = target.masked_fill(blind[None], UNK)
    state = model.start(source)
    if not hidden.all():
        state = replace(state, real=state.real & ~hidden)
    if told.made.ablate:
        state = replace(state, memory=torch.zeros_like(state.memory))
    rows, logits = [], []
    for token in target[0]:
        before = model.out(state.hidden)
        after, weights, state = model.step(state, token[None])
        rows.append(weights[0, 0, 0])  # type: ignore[index]
        logits.append(torch.cat([before, after]))
    return torch.stack(rows), torch.stack(logits, 1).float().log_softmax(-1)
