"""How a GPT is trained: Muon for the matrices of its blocks, AdamW for everything else.

Muon (K. Jordan 2024) makes each update orthogonal. With nanoGPT's laptop settings and a rate of
1e-3 for both, held-out Shakespeare costs 1.757 nats a letter after 1,500 steps against 1.960 with
AdamW alone; a step takes about a sixth longer.
"""

import json
import math
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genapp import checkpoints
from genapp.checkpoints import Checkpoint
from genapp.errors import UserError
from genapp.families.gpt import corpus as corpora
from genapp.families.gpt import sampling
from genapp.families.gpt import tokenizer as tokenizers
from genapp.families.gpt.corpus import Corpus, Stream
from genapp.families.gpt.model import GPT, GPTConfig
from genapp.families.gpt.reader import Reader
from genapp.families.gpt.sampling import Sampler
from genapp.families.gpt.spec import BY_CHARACTER, PRESETS
from genapp.families.gpt.tokenizer import BPE, StreamDecoder, Tokenizer
from genapp.trainer.loop import Task, TrainConfig

SAMPLE = 240  # tokens of a preview
QUICK = 6_144  # held-out tokens per style during a run; the end measures all of them


def recipe(preset: str, config: TrainConfig, data: Path | None = None) -> Task:
    """The training task of ``preset`` on its own corpus, or on the text file ``data``.

    Raises :class:`UserError` when a corpus cannot be had or the text is too short.
    """
    shape = GPTConfig(**PRESETS[preset].config)
    started = checkpoints.load(checkpoints.get("gpt", config.start)) if config.start else None
    corpus = _corpus(preset, shape, config.seed, data, started)
    shape = replace(shape, vocab=corpus.tokenizer.size)
    torch.manual_seed(config.seed)
    model = GPT(shape)
    if started is not None:
        take_over(model, started)
    files = {"tokenizer.json": corpus.tokenizer.dump()}

    diary = _Diary(corpus.tokenizer, files)
    per_step = config.accumulate * int(os.environ.get("WORLD_SIZE", "1"))

    def batch(k: int) -> Tensor:
        diary.step = k // per_step + 1
        return corpus.batch(k, config.batch, shape.context, config.seed)

    def evaluate(model: nn.Module) -> dict[str, float]:
        metrics = held_out(model, corpus, QUICK // shape.context)
        diary.val_loss = metrics["val_loss"]
        return metrics

    def finish(model: nn.Module) -> tuple[dict[str, Any], dict[str, bytes]]:
        return {**_card(model, corpus, config), **_past(started)}, {}

    return Task(
        model=model,
        optimizers=optimizers(model, config.lr),
        batch=batch,
        losses=losses,
        evaluate=evaluate,
        preview=diary.write,
        family="gpt",
        preset=preset,
        config=asdict(shape),
        data=corpus.sources,
        about=PRESETS[preset].about,
        files=files,
        finish=finish,
        started=config.start,
    )


def take_over(model: GPT, started: Checkpoint) -> None:
    """Weights of ``started``; tokens that are new to it keep their random embeddings.

    Raises :class:`UserError` for weights of another shape.
    """
    tensors = dict(started.tensors)
    old = tensors["tokens.weight"]
    grown = model.tokens.weight.detach().clone()
    if old.shape[1:] == grown.shape[1:] and len(old) <= len(grown):
        grown[: len(old)] = old
        tensors["tokens.weight"] = grown
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"A {started.meta.preset} can't go on as this preset ({str(error)[:120]})",
            f"choose --preset {started.meta.preset}.",
        ) from error


def _past(started: Checkpoint | None) -> dict[str, Any]:
    """What the weights had behind them, for the card."""
    if started is None:
        return {}
    meta = started.meta
    own = {"step": meta.step, "seconds": meta.seconds,
           "training_tokens": meta.metrics.get("training_tokens", 0)}  # fmt: skip
    earlier: dict[str, float] = meta.metrics.get("before", {})
    return {"before": {name: n + earlier.get(name, 0) for name, n in own.items()}}


def _corpus(
    preset: str, shape: GPTConfig, seed: int, data: Path | None, started: Checkpoint | None
) -> Corpus:
    characters = preset in BY_CHARACTER
    known = None if started is None else tokenizers.load(started.files.get("tokenizer.json", b""))
    if data is not None:
        return corpora.own(data, shape.vocab, characters, seed, shape.context, known)
    if isinstance(known, BPE):
        return corpora.styled(shape.vocab, seed, shape.context, known)
    if preset == "micro":
        return corpora.manual(shape.vocab, seed, shape.context)
    if characters:
        return corpora.shakespeare(shape.context)
    return corpora.styled(shape.vocab, seed, shape.context)


def losses(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Cross-entropy, in nats a token, of windows (B, T + 1)."""
    logits = model(batch[:, :-1])  # (B, T, V)
    return {"loss": F.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten())}


def optimizers(model: nn.Module, lr: float) -> dict[str, torch.optim.Optimizer]:
    """Muon for the blocks' matrices; AdamW for embeddings, norms and biases."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "blocks" in n]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return {
        "muon": torch.optim.Muon(matrices, lr=lr, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        "adamw": torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.95), weight_decay=0.0),
    }


def held_out(model: nn.Module, corpus: Corpus, windows: int) -> dict[str, float]:
    """Nats a token on held-out text: ``val_loss`` weighs stories, fables and tales most."""
    by_style = {s: loss_of(model, stream, windows) for s, stream in corpus.streams.items()}
    share = {style: corpora.VALUES.get(style, 1.0) for style in by_style}
    mean = sum(share[s] * by_style[s] for s in by_style) / sum(share.values())
    if len(by_style) == 1:
        return {"val_loss": mean}
    return {"val_loss": mean, **{f"val_{s}": loss for s, loss in by_style.items()}}


def loss_of(model: nn.Module, stream: Stream, windows: int = 0) -> float:
    """Mean nats a token over windows of the held-out stream, evenly spaced; 0 = every window."""
    nats, count = _total(model, stream.held, windows)
    return nats / count


def _total(model: nn.Module, tokens: np.ndarray, windows: int = 0) -> tuple[float, int]:
    """(summed nats, tokens) over consecutive windows, each scored from its own start."""
    config: GPTConfig = model.config  # type: ignore[assignment]
    starts = range(0, len(tokens) - 1, config.context)
    if windows and len(starts) > windows:
        starts = starts[:: len(starts) // windows][:windows]
    device = next(model.parameters()).device
    nats, count = 0.0, 0
    for start in starts:
        piece = tokens[start : start + config.context + 1].astype(np.int64)
        window = torch.from_numpy(piece)[None].to(device)  # (1, ≤ T + 1)
        n = window.shape[1] - 1
        nats, count = nats + float(losses(model, window)["loss"].detach()) * n, count + n
    return nats, count


def _card(model: nn.Module, corpus: Corpus, config: TrainConfig) -> dict[str, Any]:
    """The shipped checkpoint's numbers, over all held-out text."""
    totals = {s: _total(model, stream.held) for s, stream in corpus.streams.items()}
    by_style = held_out(model, corpus, 0)
    nats, bits = by_style["val_loss"], math.log(2)
    context: int = model.config.context  # type: ignore[union-attr, assignment]
    return {
        **by_style,
        "perplexity": math.exp(nats),
        "bits_per_byte": {
            s: totals[s][0] / bits / stream.held_bytes for s, stream in corpus.streams.items()
        },
        "held_out_tokens": {s: n for s, (_, n) in totals.items()},
        "training_tokens": config.steps * config.accumulate * config.batch * context,
        "corpus_tokens": {s: len(stream.train) for s, stream in corpus.streams.items()},
    }


class _Diary:
    """What the model wrote at each milestone, kept with its checkpoint as ``samples.json``."""

    def __init__(self, tokenizer: Tokenizer, files: dict[str, bytes]) -> None:
        self.tokenizer, self.files = tokenizer, files
        self.step, self.val_loss = 0, math.nan  # as of the latest batch and evaluation

    def write(self, model: nn.Module) -> str:
        text = _sample(model, self.tokenizer)  # type: ignore[arg-type]
        kept = json.loads(self.files.get("samples.json", b"[]"))
        entry = {"step": self.step, "val_loss": round(self.val_loss, 4), "text": text}
        self.files["samples.json"] = json.dumps([*kept, entry], ensure_ascii=False).encode()
        return text


def _sample(model: GPT, tokenizer: Tokenizer) -> str:
    """A story where the model knows stories, else what it begins with; the dice stay the same."""
    first = [t for t in (tokenizer.special("story"), tokenizer.end) if t is not None]
    tokens, end = first[:1] or tokenizer.encode("\n")[:1] or [0], tokenizer.end
    sampler, generator = Sampler(temperature=0.8, top_p=0.9), torch.Generator().manual_seed(1)
    reader, text, given = Reader(model), StreamDecoder(tokenizer), tokens
    written = ""
    while len(tokens) < SAMPLE:
        logits = reader.read(given)
        given = [sampling.choose(logits, tokens, sampler, generator)[0]]
        if given[0] == end:
            break
        tokens = tokens + given
        written += text.feed(given[0])
    return written + text.flush()
