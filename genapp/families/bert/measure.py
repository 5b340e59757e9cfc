"""What a BERT knows of text it has never read: hidden words, and which sentence comes next."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genapp.families.bert.corpus import USUAL, Corpus, Elsewhere, tensors
from genapp.families.bert.corrupt import Corruption
from genapp.families.bert.sentences import Sentences

ROWS = 32
PAPER = Corruption()  # 15 %, of these 80/10/10


def held_out(model: nn.Module, corpus: Corpus, rows: int) -> dict[str, float]:
    """``val_mlm`` and ``val_nsp`` in nats, their sum ``val_loss``, and the shares of right answers
    ``top1``, ``top5`` (at the chosen positions) and ``nsp`` (B from any document, or following)."""
    return _measure(model, corpus, corpus.held, rows, "any")


def card(model: nn.Module, corpus: Corpus, rows: int) -> dict[str, Any]:
    """The shipped checkpoint's numbers: :func:`held_out` on more pairs, by style, and the harder
    question of ``nsp_same_style``."""
    found: dict[str, Any] = held_out(model, corpus, rows)
    found["nsp_same_style"] = _measure(model, corpus, corpus.held, rows, "style")["nsp"]
    if len(corpus.held) > 1:
        each = {
            s: _measure(model, corpus, {s: part}, rows // 4, "style")
            for s, part in corpus.held.items()
        }
        for name in ("top1", "top5"):
            found[f"{name}_by_style"] = {s: m[name] for s, m in each.items()}
        found["nsp_by_style"] = {s: m["nsp"] for s, m in each.items()}
    found["corpus_tokens"] = {s: len(part.tokens) for s, part in corpus.train.items()}
    found["held_out_tokens"] = {s: len(part.tokens) for s, part in corpus.held.items()}
    return found


@torch.no_grad()
def _measure(
    model: nn.Module, corpus: Corpus, part: Mapping[str, Sentences], rows: int, elsewhere: Elsewhere
) -> dict[str, float]:
    """Means over ``rows`` held-out pairs, the same ones every time."""
    rng = np.random.default_rng(0)
    device = next(model.parameters()).device
    room = _room(model)
    sums = dict.fromkeys(("val_mlm", "top1", "top5", "val_nsp", "nsp"), 0.0)
    words = pairs = 0
    for _ in range(0, rows, ROWS):
        made = corpus.pairs(part, ROWS, room, rng, elsewhere=elsewhere, single=0.0)
        batch = {n: t.to(device) for n, t in tensors(corpus.pieces, made, PAPER, rng).items()}
        said = model(batch["ids"], batch["segments"], batch["attend"], batch["chosen"])
        for name, value in _sums(said.words.float(), said.next.float(), batch).items():
            sums[name] += float(value)
        words, pairs = words + len(batch["wanted"]), pairs + ROWS
    means = {n: v / (pairs if "nsp" in n else words) for n, v in sums.items()}
    return {"val_loss": means["val_mlm"] + means["val_nsp"], **means}


def _room(model: nn.Module) -> int:
    """Tokens of a held-out pair."""
    return min(USUAL, int(model.config.context))  # type: ignore[union-attr, arg-type]


def _sums(words: Tensor, follows: Tensor, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    best = words.topk(5, dim=-1).indices  # (N, 5)
    right = best == batch["wanted"][:, None]
    return {
        "val_mlm": F.cross_entropy(words, batch["wanted"], reduction="sum"),
        "top1": right[:, 0].sum(),
        "top5": right.sum(),
        "val_nsp": F.cross_entropy(follows, batch["next"], reduction="sum"),
        "nsp": (follows.argmax(-1) == batch["next"]).sum(),
    }


@torch.no_grad()
def preview(model: nn.Module, corpus: Corpus) -> str:
    """Four held-out pairs with the model's word in every gap: ``«guess|truth»`` where it errs."""
    rng = np.random.default_rng(1)
    room = _room(model)
    made = corpus.pairs(corpus.held, 4, room, rng, single=0.0)
    batch = tensors(corpus.pieces, made, Corruption(masked=1.0, random=0.0), rng)
    device = next(model.parameters()).device
    moved = {n: t.to(device) for n, t in batch.items()}
    said = model(moved["ids"], moved["segments"], moved["attend"], moved["chosen"])
    ids, name = batch["ids"].numpy(), corpus.pieces.name
    shown = [[name(int(t)) for t in row if t != corpus.pieces.pad] for row in ids]
    truths = zip(batch["chosen"].tolist(), said.words.argmax(-1).tolist(), batch["wanted"].tolist(),
                 strict=True)  # fmt: skip
    for place, guess, wanted in truths:
        i, j = divmod(place, ids.shape[1])
        right = guess == wanted
        shown[i][j] = f"«{name(guess)}»" if right else f"«{name(guess)}|{name(wanted)}»"
    return "\n\n".join(" ".join(row).replace(" ##", "") for row in shown)
