"""What is asked of a training run, in plain dataclasses: the command line and the page read this
without importing torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from genapp import registry
from genapp.errors import UserError
from genapp.spec import Preset

SCALES = ("auto", "cpu", "gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How long and how fast to train; a family's preset fills it per scale (cpu, gpu)."""

    steps: int
    batch: int
    lr: float = 1e-3
    warmup: int = 0  # steps of linear warm-up
    decay: float = 1.0  # last share of the run over which the rate falls (cosine) to min_lr·lr
    min_lr: float = 0.1
    clip: float = 1.0  # largest gradient norm; 0 = off
    accumulate: int = 1  # micro-batches per update
    precision: str = "no"  # "no" | "bf16" | "fp16", as Accelerate names them
    seed: int = 0
    log_every: int = 10
    eval_every: int = 200  # steps; also previews and saves
    half: bool = True  # store fp16
    start: str = ""  # a checkpoint of the same family to go on from; empty: from random weights

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "log_every", "eval_every"):
            if not 1 <= getattr(self, name) <= 100_000_000:
                raise UserError(f"{name} is {getattr(self, name)}", "give 1 or more.")
        if not 0 < self.lr < 10:
            raise UserError(f"lr is {self.lr:g}", "give a rate between 0 and 10, e.g. 0.001.")
        if not (self.warmup >= 0 and self.clip >= 0):
            raise UserError("warmup or clip is negative", "give 0 or more.")
        if not 0 <= self.seed < 2**31:
            raise UserError(f"seed is {self.seed}", "give a whole number from 0 to 2147483647.")
        if self.precision not in {"no", "bf16", "fp16"}:
            raise UserError(f"precision is {self.precision!r}", "choose no, bf16 or fp16.")

    def rate(self, step: int) -> float:
        """Learning-rate factor at ``step``: warm-up, then flat, then a cosine to ``min_lr``."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        start = max(self.warmup, self.steps - round(self.steps * self.decay))
        if step < start or self.steps <= start:
            return 1.0
        progress = (step - start) / (self.steps - start)
        return self.min_lr + (1 - self.min_lr) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


KINDS: Mapping[str, type] = {f.name: f.type for f in fields(TrainConfig)}  # type: ignore[misc]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a person asked to train. ``config.json`` of the run's folder holds exactly this."""

    family: str
    preset: str
    scale: str = "auto"
    overrides: Mapping[str, Any] = field(default_factory=dict)  # fields of TrainConfig
    data: str = ""  # absolute path of one's own text file or picture folder
    name: str = ""  # what a person calls it


def presets_of(family: str) -> dict[str, Preset]:
    """What a person would train: all but the one the tests are made of."""
    return {n: p for n, p in registry.get(family).presets.items() if n != "micro"}


def preset_of(family: str, preset: str) -> Preset:
    """Raises :class:`UserError` listing the known presets."""
    known = registry.get(family).presets
    if preset not in known:
        raise UserError(f"{family} has no preset {preset!r}", f"choose one of {', '.join(known)}.")
    return known[preset]


def settings(job: Job, device: Literal["cpu", "gpu"] = "cpu") -> TrainConfig:
    """The preset's numbers at the job's scale with its overrides; ``device`` decides for "auto".

    Raises :class:`UserError` for whatever doesn't exist or can't be.
    """
    train = preset_of(job.family, job.preset).train
    scale = job.scale
    if scale == "auto":
        scale = device if device in train else next(iter(train))
    if scale not in train:
        raise UserError(
            f"{job.preset} has no scale {job.scale!r}", f"choose one of auto, {', '.join(train)}."
        )
    return TrainConfig(**{**train[scale], **clean(job.overrides)})


def clean(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides in the type of their field; raises :class:`UserError` naming the field."""
    return {name: _typed(name, value) for name, value in overrides.items()}


def _typed(name: str, value: Any) -> Any:
    if name not in KINDS:
        raise UserError(f"Unknown setting {name!r}", f"choose among {', '.join(KINDS)}.")
    kind = KINDS[name]
    try:
        typed = kind(value)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{name} is {value!r}", f"give a value of type {kind.__name__}.") from None
    if kind is int and typed != float(value):
        raise UserError(f"{name} is {value!r}", "give a whole number.")
    return typed
