"""How CLAP learns: a batch of sounds and captions, each to find its own among all the others.

InfoNCE both ways (Radford et al. 2021). Captions here may be vague ("a bird"), and then they are
true of several sounds of a batch: the target is spread evenly over all that are true (as in UniCL,
Yang et al. 2022), else the loss would push a bird away from the words "a bird".
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genapp.data import sound_captions as captions
from genapp.data import sounds
from genapp.data.sounds import Combination
from genapp.errors import UserError
from genapp.families.clap import report, words
from genapp.families.clap.mel import log_mel
from genapp.families.clap.model import PAD, UNKNOWN, build
from genapp.families.clap.spec import PRESETS
from genapp.trainer.loop import Losses, Shuffler, Task, TrainConfig

POOL, MICRO_POOL = 3072, 24  # sounds that are made once and then met again
SHORTEST = 170  # frames of a training crop, of 201
FORGET = 0.04  # share of words that training makes unknown, so that a strange word does no harm
FIRST_SEED = 1_000_000  # of training sounds; validation and tests lie below

Batch = tuple[Tensor, Tensor, Tensor]  # mel (B, T, 64), ids (B, L), which caption is true of which


def recipe(preset: str, config: TrainConfig, data: Path | None = None) -> Task:
    """The task behind ``preset``. Raises :class:`UserError` for an unknown preset or own data."""
    if preset not in PRESETS:
        raise UserError(f"Unknown preset {preset!r}", f"choose one of {', '.join(PRESETS)}.")
    if data is not None:
        raise UserError("Zero-shot audio makes its own sounds", "train it without a data folder.")
    small = preset == "micro"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build(PRESETS[preset].config)
    pool = Pool(MICRO_POOL if small else POOL)
    vocabulary = captions.vocabulary()
    held_out = report.Test.of(sounds.SEEN[:: 8 if small else 1], 1 if small else 2)
    ids = words.index(vocabulary)
    return Task(
        model=model,
        optimizers={"model": torch.optim.AdamW(model.parameters(), lr=config.lr)},
        batch=_batches(pool, words.index(vocabulary), config),
        losses=losses,
        evaluate=lambda net: report.evaluate(net, held_out, ids),
        preview=lambda net: report.preview(net, held_out, ids),
        finish=lambda net: report.finish(net, ids, 1 if small else 20),
        family="clap",
        preset=preset,
        config=PRESETS[preset].config,
        data=[{"name": "Synthesised sounds", "licence": sounds.LICENCE, "source": sounds.SOURCE}],
        about=PRESETS[preset].about,
        files={words.FILE: words.dump(vocabulary)},
    )


class Pool:
    """Training sounds of the seen combinations, each made when first asked for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._mels: dict[int, NDArray[np.float16]] = {}

    def what(self, i: int) -> Combination:
        """The combination of sound ``i``; all are equally frequent."""
        return sounds.SEEN[(i * 31) % len(sounds.SEEN)]

    def mel(self, i: int) -> NDArray[np.float16]:
        """Its log-mel picture (201, 64), 26 kB."""
        if i not in self._mels:
            wave = sounds.synthesise(self.what(i), FIRST_SEED + i)
            self._mels[i] = log_mel(wave).astype(np.float16)
        return self._mels[i]


def _batches(pool: Pool, ids: dict[str, int], config: TrainConfig):  # type: ignore[no-untyped-def]
    """batch(k): sounds cut to a random length, a fresh caption for each."""
    shuffler = Shuffler(pool.size, config.batch, config.seed)

    def batch(k: int) -> Batch:
        rng = np.random.default_rng([config.seed, k])
        chosen = [int(i) for i in shuffler(k)]
        what = [pool.what(i) for i in chosen]
        said = [captions.describe(w, rng) for w in what]
        frames = int(rng.integers(SHORTEST, 202))
        start = int(rng.integers(0, 202 - frames))
        mel = np.stack([pool.mel(i)[start : start + frames] for i in chosen]).astype(np.float32)
        read = words.encode([s.text for s in said], ids)
        read[(rng.random(read.shape) < FORGET) & (read != PAD)] = UNKNOWN
        true = np.array([[s.true_of(w) for s in said] for w in what], np.float32)
        return torch.from_numpy(mel), torch.from_numpy(read), torch.from_numpy(true)

    return batch


def losses(model: nn.Module, batch: Batch) -> Losses:
    """Cross-entropy from sounds to captions and back, halved."""
    mel, ids, true = batch
    logits = model(mel, ids)  # (B sounds, B captions)
    to_caption = -(true / true.sum(1, keepdim=True) * logits.log_softmax(1)).sum(1).mean()
    to_sound = -(true / true.sum(0, keepdim=True) * logits.log_softmax(0)).sum(0).mean()
    return {"loss": 0.5 * (to_caption + to_sound), "caption": to_caption, "sound": to_sound}
