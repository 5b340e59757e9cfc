"""The training recipe of a translator, the same for every architecture."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genapp.data import pairs
from genapp.data.pairs import Pair, Parts
from genapp.trainer.loop import Task, TrainConfig
from genapp.translation import batches, scores, search, toys, vocab
from genapp.translation.plan import Plan
from genapp.translation.vocab import PAD, Vocabulary

QUICK = 100  # validation sentences translated during a run; the end translates the test part
GALLERY = 40  # held-out pairs of each language that travel with a checkpoint
Build = Callable[[Mapping[str, Any]], nn.Module]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A plan's sentences and vocabularies."""

    train: list[Pair]
    parts: dict[str, Parts]  # by language; the first is what the model is judged by
    source: Vocabulary
    target: Vocabulary

    def coded(self, chosen: Sequence[Pair]) -> list[batches.Coded]:
        return [(self.source.encode(s), self.target.encode(t)) for s, t in chosen]


def material(plan: Plan, seed: int = 0, data: Path | None = None) -> Material:
    """Reads a plan's data and learns its vocabularies from the training part alone.

    Raises :class:`UserError` when the data cannot be had.
    """
    if data is not None:
        parts = {"own": pairs.own_file(data)}
    elif plan.toy:
        drawn = toys.pairs(plan.toy, 21_000, seed)
        parts = {plan.toy: Parts(drawn[:20_000], drawn[20_000:20_500], drawn[20_500:], toys.CARD)}
    elif plan.grammar:
        parts = {name: pairs.stand_in(name, seed=seed) for name in plan.languages}
    else:
        parts = {name: pairs.load(name) for name in plan.languages}
    held = [p for part in parts.values() for p in (*part.validation, *part.test)]
    if not plan.toy:  # there, short questions come up again
        parts = {name: pairs.without(part, held) for name, part in parts.items()}
    train = [p for part in parts.values() for p in part.train]
    return Material(
        train=train,
        parts=parts,
        source=vocab.learn([p.source for p in train], plan.source_vocab, plan.units),
        target=vocab.learn([p.target for p in train], plan.target_vocab, plan.units),
    )


def recipe(
    family: str, preset: str, plan: Plan, config: TrainConfig, build: Build,
    shape: Mapping[str, Any], about: str, betas: tuple[float, float], data: Path | None = None,
) -> Task:  # fmt: skip
    """The task of training ``build(shape)`` by ``plan`` with AdamW."""
    stuff = material(plan, config.seed, data)
    shape = {**shape, "source_vocab": stuff.source.size, "target_vocab": stuff.target.size}
    torch.manual_seed(config.seed)
    model = build(shape)
    coded = [(s, t) for s, t in stuff.coded(stuff.train) if max(len(s), len(t)) <= plan.longest]
    judged = next(iter(stuff.parts.values()))

    def evaluate(model: nn.Module) -> dict[str, float]:
        loss = held_out_loss(model, stuff.coded(judged.validation))
        said = translate(model, stuff, [p.source for p in judged.validation[:QUICK]])
        meant = [p.target for p in judged.validation[:QUICK]]
        return {"val_loss": loss, "val_bleu": scores.bleu(said, meant)}

    def preview(model: nn.Module) -> str:
        chosen = judged.validation[:8]
        said = translate(model, stuff, [p.source for p in chosen])
        lines = [f"{p.source}\n→ {s}\n= {p.target}" for p, s in zip(chosen, said, strict=True)]
        return "\n\n".join(lines)

    def finish(model: nn.Module) -> tuple[dict[str, Any], dict[str, bytes]]:
        if plan.toy:
            return {"accuracy_by_length": by_length(model, stuff, plan.toy)}, {}
        return card(model, stuff), {"held_out.json": gallery(stuff)}

    return Task(
        model=model,
        optimizers={"adamw": optimizer(model, config.lr, betas)},
        batch=batches.Bucketed(coded, config.batch, config.seed, plan.hide),
        losses=lambda model, batch: losses(model, batch, plan.smoothing),
        evaluate=evaluate,
        preview=preview,
        family=family,
        preset=preset,
        config=shape,
        data=list({part.card["name"]: part.card for part in stuff.parts.values()}.values()),
        about=about,
        files={"vocab.json": vocab.dump(stuff.source, stuff.target)},
        finish=finish,
    )


def optimizer(
    model: nn.Module, lr: float, betas: tuple[float, float], decay: float = 0.01
) -> torch.optim.Optimizer:
    """AdamW; biases and norms don't decay."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=betas)


def losses(
    model: nn.Module, batch: Mapping[str, Tensor], smoothing: float = 0.0
) -> dict[str, Tensor]:
    """Cross-entropy in nats a token, pads left out; labels smoothed (Szegedy et al. 2016)."""
    logits = model(batch["source"], batch["read"])  # (B, T, V)
    loss = F.cross_entropy(
        logits.flatten(0, 1).float(), batch["wanted"].flatten(), ignore_index=PAD,
        label_smoothing=smoothing,
    )  # fmt: skip
    return {"loss": loss}


@torch.no_grad()
def held_out_loss(model: nn.Module, coded: Sequence[batches.Coded], batch: int = 128) -> float:
    """Nats a token, without smoothing."""
    device = next(model.parameters()).device
    ordered = sorted(coded, key=lambda pair: len(pair[0]))
    nats, count = 0.0, 0
    for start in range(0, len(ordered), batch):
        made = batches.tensors(ordered[start : start + batch])
        made = {name: t.to(device) for name, t in made.items()}
        n = int((made["wanted"] != PAD).sum())
        nats, count = nats + float(losses(model, made)["loss"]) * n, count + n
    return nats / max(count, 1)


def translate(model: Any, stuff: Material, sentences: Sequence[str], batch: int = 64) -> list[str]:
    """Greedy translations, in order."""
    device = next(model.parameters()).device
    ids = [stuff.source.encode(s) for s in sentences]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    written: dict[int, str] = {}
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        out = search.greedy(model, batches.sources([ids[i] for i in chosen]).to(device))
        written |= {i: stuff.target.text(t) for i, t in zip(chosen, out, strict=True)}
    return [written[i] for i in range(len(ids))]


def by_length(model: Any, stuff: Material, toy: str, count: int = 100) -> dict[str, float]:
    """Share of right tokens of a toy task at each length, trained or not."""
    curve = {}
    for length in toys.LENGTHS:
        asked = toys.pairs(toy, count, seed=-length, lengths=[length])
        said = translate(model, stuff, [p.source for p in asked])
        curve[str(length)] = toys.accuracy(said, [p.target for p in asked])
    return curve


def gallery(stuff: Material) -> bytes:
    """A few test pairs of each language as JSON, to try a checkpoint on where no data is."""
    rows = [
        {"language": name, "source": p.source, "reference": p.target}
        for name, part in stuff.parts.items()
        for p in random.Random(0).sample(part.test, min(GALLERY, len(part.test)))
    ]
    return json.dumps(rows, ensure_ascii=False).encode()


def card(model: Any, stuff: Material) -> dict[str, Any]:
    """The shipped checkpoint's numbers, over all test pairs; ``languages`` where there are more."""
    reports = {}
    for name, part in stuff.parts.items():
        said = translate(model, stuff, [p.source for p in part.test])
        reports[name] = scores.report(said, [p.target for p in part.test])
    first, *others = reports
    also = {pairs.LANGUAGES[n]: {k: reports[n][k] for k in ("bleu", "chrf")} for n in others}
    return {
        **reports[first],
        "training_pairs": {name: len(part.train) for name, part in stuff.parts.items()},
        **({"also": also} if also else {}),
    }
