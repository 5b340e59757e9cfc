"""A batch of sentence pairs as a model gets it, and what its pads would do to the loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from genapp.errors import UserError
from genapp.service import Loaded
from genapp.translation import batches
from genapp.translation.generate import vocabularies
from genapp.translation.vocab import PAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Padded:
    """Pieces of both sides, "" where a pad stands, and nats a piece with and without the mask."""

    source: list[list[str]]  # (B, S)
    target: list[list[str]]  # (B, T) as it is written, up to ``</s>``
    pads: float  # share of the target's positions
    masked: float  # nats, pads left out
    counted: float  # nats, pads taken for words to predict


@torch.inference_mode()
def padded(loaded: Loaded, pairs: Sequence[tuple[str, str]]) -> Padded:
    """One teacher-forced pass over ``pairs``. Raises :class:`UserError` if there are none."""
    if not pairs:
        raise UserError("There are no sentence pairs to put in a batch", "train a translator.")
    foreign, english = vocabularies(loaded)
    made = batches.tensors([(foreign.encode(s), english.encode(t)) for s, t in pairs])
    made = {name: t.to(loaded.device) for name, t in made.items()}
    logits = loaded.model(made["source"], made["read"]).flatten(0, 1).float()  # (B·T, V)
    wanted = made["wanted"].flatten()
    sides = ((foreign, made["source"]), (english, made["wanted"]))
    source, target = (
        [["" if t == PAD else vocabulary.piece(t) for t in row] for row in ids.tolist()]
        for vocabulary, ids in sides
    )
    return Padded(
        source=source,
        target=target,
        pads=float((wanted == PAD).float().mean()),
        masked=float(F.cross_entropy(logits, wanted, ignore_index=PAD)),
        counted=float(F.cross_entropy(logits, wanted)),
    )
