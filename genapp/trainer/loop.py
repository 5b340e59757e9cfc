"""One training loop for every family.

A family's recipe gives a :class:`Task`: the model, its optimisers, where the k-th batch comes
from, the loss, the held-out evaluation. The loop knows nothing else of it. 🤗 Accelerate carries
device, mixed precision, gradient accumulation and several GPUs or nodes.

Everything random in step ``t`` follows from ``(seed, t)`` alone, so a run that is stopped and
resumed equals one that never stopped, bit for bit on one CPU. ``last/`` holds weights and optimiser
state in one folder that is replaced whole: whenever the process dies, there is one to go on from.
"""

import contextlib
import dataclasses
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn

from genapp import checkpoints
from genapp.errors import UserError
from genapp.trainer import state
from genapp.trainer.config import TrainConfig

log = logging.getLogger(__name__)

Losses = dict[str, Tensor]
Batch = Any

FIRST_LOOK = 2.0  # seconds of training after which there is something to see, however slow a step
ROW_EVERY = 1.0  # seconds; slow steps are logged more often than ``log_every`` says
SAVE_EVERY = 120.0  # seconds; the most a killed run loses where evaluations are rare


@dataclass(slots=True, kw_only=True)
class Task:
    """What a family brings to the loop.

    ``batch(k)`` returns the k-th micro-batch of the endless shuffled data, on the CPU, and depends
    on nothing but ``k``. ``losses(model, batch)`` returns scalars by name; ``"loss"`` is the one
    minimised. A family with several objectives (a GAN) gives ``make_step`` instead: it receives the
    prepared task and the accelerator and returns ``step(batch) -> Losses`` that updates by itself.
    ``evaluate(model)`` returns held-out numbers; the checkpoint with the lowest ``score`` is kept.
    ``preview(model)`` returns what to look at: a uint8 image (H, W, 3) or (H, W), or a text.
    """

    model: nn.Module
    optimizers: dict[str, torch.optim.Optimizer]
    batch: Callable[[int], Batch]
    losses: Callable[[nn.Module, Batch], Losses] | None = None
    make_step: "Callable[[Task, Accelerator], Callable[[Batch], Losses]] | None" = None
    evaluate: Callable[[nn.Module], dict[str, float]]
    preview: Callable[[nn.Module], Any] | None = None
    score: str = "val_loss"
    family: str
    preset: str
    config: Mapping[str, Any]  # of the model, as its checkpoint will hold it
    data: Sequence[Mapping[str, str]]  # {"name", "licence", "source"} each
    about: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    finish: Callable[[nn.Module], tuple[dict[str, Any], Mapping[str, bytes]]] | None = None
    # ``finish(best model)``: last, slower metrics and files for the shipped checkpoint
    started: str = ""  # the checkpoint whose weights ``model`` begins with: ``config.start``


@dataclass(slots=True)
class Hooks:
    """How the loop talks to whoever watches: all optional, all called from the training thread."""

    log: Callable[[dict[str, float]], None] = lambda row: None
    preview: Callable[[int, Any], None] = lambda step, shown: None
    should_stop: Callable[[int], bool] = lambda step: False  # may block: that is how a pause works


class Shuffler:
    """Endless shuffled minibatch indices in which batch ``k`` follows from ``(seed, k)`` alone."""

    def __init__(self, n: int, batch: int, seed: int = 0) -> None:
        if n < 1:
            raise UserError("The data set is empty", "give at least one example.")
        self.n, self.batch, self.seed = n, min(batch, n), seed
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def __call__(self, k: int) -> Tensor:
        """Indices of batch ``k``: (batch,) long. An epoch drops its last, incomplete batch."""
        epoch, i = divmod(k, self.n // self.batch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            self._epoch, self._order = epoch, torch.randperm(self.n, generator=generator)
        return self._order[i * self.batch : (i + 1) * self.batch]


class Trainer:
    """Runs a :class:`Task`; ``folder`` receives the checkpoints ``last/`` and ``best/``."""

    def __init__(
        self, task: Task, config: TrainConfig, folder: Path, hooks: Hooks | None = None
    ) -> None:
        if task.started != config.start:
            raise UserError(f"{task.family} always starts afresh", "leave start empty.")
        self.task, self.config, self.folder = task, config, folder
        self.hooks = hooks or Hooks()
        self.accelerator = Accelerator(
            mixed_precision=config.precision, gradient_accumulation_steps=config.accumulate
        )
        self.step, self.seconds, self.best = 0, 0.0, math.inf
        self.metrics: dict[str, float] = {}  # of the latest evaluation
        self._evaluated, self._row_at, self._saved_at = 0, 0.0, time.monotonic()
        task.model, *prepared = self.accelerator.prepare(task.model, *task.optimizers.values())
        task.optimizers = dict(zip(task.optimizers, prepared, strict=True))
        self._base_lr = {
            name: [group["lr"] for group in o.param_groups] for name, o in task.optimizers.items()
        }
        make_step = task.make_step or _gradient_step(config)
        self._update = make_step(task, self.accelerator)

    @property
    def raw_model(self) -> nn.Module:
        """The family's own module, without the wrappers of several GPUs."""
        return self.accelerator.unwrap_model(self.task.model)

    def fit(self) -> dict[str, float]:
        """Trains to ``config.steps`` or until a hook says stop; returns the last held-out metrics.

        Raises :class:`UserError` on divergence, with the last good checkpoint kept.
        """
        config = self.config
        self.task.model.train()
        while self.step < config.steps and not self._agree(self.hooks.should_stop(self.step)):
            began = time.monotonic()
            losses = self._one_update()
            self.step += 1
            look = self.step % config.eval_every == 0 or self._agree(self._first_look(began))
            row = {}
            if look or self._row_due():
                row = {name: float(v.detach()) for name, v in losses.items()}  # waits for device
            self.seconds += time.monotonic() - began  # pauses and evaluations don't count
            if row:
                self._check(row)
                self._log(row)
            if look and self.step < config.steps:
                self._milestone()
            elif time.monotonic() - self._saved_at > SAVE_EVERY:
                self.save()
        return self._milestone()

    def _one_update(self) -> Losses:
        """One optimiser update over ``accumulate`` micro-batches of every process."""
        t, config, acc = self.step, self.config, self.accelerator
        # Dropout takes no generator: seeding the global one per step makes a resumed run equal.
        torch.manual_seed((config.seed * 1_000_003 + t) * acc.num_processes + acc.process_index)
        factor = config.rate(t)
        for name, optimizer in self.task.optimizers.items():
            for group, lr in zip(optimizer.param_groups, self._base_lr[name], strict=True):
                group["lr"] = lr * factor
        losses: Losses = {}
        for i in range(config.accumulate):
            k = (t * config.accumulate + i) * acc.num_processes + acc.process_index
            batch = _to(self.task.batch(k), acc.device)
            with acc.accumulate(self.task.model):
                losses = self._update(batch)
        return losses

    def _agree(self, wish: bool) -> bool:
        """The main process's wish, the same in every process; several ask every 10 steps only."""
        if self.accelerator.num_processes == 1:
            return wish
        if self.step % 10:
            return False
        return bool(broadcast(torch.tensor(int(wish), device=self.accelerator.device)).item())

    def _first_look(self, began: float) -> bool:
        trained = self.seconds + time.monotonic() - began
        return not self._evaluated and trained > FIRST_LOOK

    def _row_due(self) -> bool:
        regular = self.step % self.config.log_every == 0 or self.step == 1
        return regular or time.monotonic() - self._row_at > ROW_EVERY

    def _check(self, row: Mapping[str, float]) -> None:
        if bad := [name for name, value in row.items() if not math.isfinite(value)]:
            raise self._diverged(f"{', '.join(bad)} is no longer a number")

    def _diverged(self, why: str) -> UserError:
        return UserError(
            f"Training diverged at step {self.step:,}: {why}",
            f"resume from the last checkpoint with a lower rate than {self.config.lr:g}.",
        )

    def _log(self, row: Mapping[str, float]) -> None:
        self._row_at = time.monotonic()
        if self.accelerator.is_main_process:
            lr = self.config.lr * self.config.rate(max(0, self.step - 1))
            self.hooks.log({"step": self.step, "seconds": round(self.seconds, 2), "lr": lr, **row})

    @torch.no_grad()
    def _milestone(self) -> dict[str, float]:
        """Evaluates, previews and saves, on the main process; once a step."""
        if self._evaluated == self.step > 0:
            return self.metrics
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            model = self.raw_model.eval()
            self.metrics = self.task.evaluate(model)
            self._log(self.metrics)
            if self.task.preview:
                self.hooks.preview(self.step, self.task.preview(model))
            self._evaluated = self.step
            self.save(judge=True)
            model.train()
        self._evaluated = self.step
        self.accelerator.wait_for_everyone()
        return self.metrics

    def save(self, judge: bool = False) -> None:
        """Writes ``last/`` with the optimiser state; ``judge`` also ``best/`` if the score fell.

        Raises :class:`UserError` instead of replacing good weights by infinite ones.
        """
        self._saved_at = time.monotonic()
        if not self.accelerator.is_main_process:
            return
        tensors = {k: v.detach().clone() for k, v in self.raw_model.state_dict().items()}
        if bad := [k for k, v in tensors.items() if not bool(torch.isfinite(v).all())]:
            raise self._diverged(f"weight {bad[0]} is no longer a number")
        score = self.metrics.get(self.task.score, math.inf)
        if judge and score < self.best:
            self.best = score
            self._write("best", tensors, self.task.files, self.config.half)
        position = {"step": self.step, "seconds": self.seconds, "best": self.best}
        position["evaluated"] = self._evaluated
        if self.accelerator.scaler is not None:
            position["scaler"] = self.accelerator.scaler.state_dict()
        files = {**self.task.files, **state.pack(self.task.optimizers, position)}
        self._write("last", tensors, files, half=False)

    def _write(
        self, name: str, tensors: Mapping[str, Tensor], files: Mapping[str, bytes], half: bool
    ) -> None:
        checkpoints.save(self.folder / name, tensors, self.meta(), files, half)

    def meta(self) -> checkpoints.Meta:
        """The card of the present weights."""
        task = self.task
        return checkpoints.Meta(
            family=task.family,
            preset=task.preset,
            config=dict(task.config),
            step=self.step,
            steps=self.config.steps,
            seed=self.config.seed,
            data=tuple(dict(d) for d in task.data),
            metrics=dict(self.metrics),
            hardware=hardware(self.accelerator.device),
            seconds=round(self.seconds, 1),
            parameters=sum(p.numel() for p in self.raw_model.parameters()),
            about=task.about,
        )

    def resume(self) -> None:
        """Continues from ``last/``; does nothing when there is none yet."""
        leftovers = [p for n in ("last", "best") for p in self.folder.glob(f".{n}.*")]
        if not ((self.folder / "last").exists() or leftovers):
            return
        try:
            last = checkpoints.load(self.folder / "last")  # also mends a save that died halfway
        except UserError:
            if (self.folder / "last").exists():
                raise
            return  # the very first save died
        if leftovers and not (self.folder / "best").exists():
            with contextlib.suppress(UserError):
                checkpoints.read_meta(self.folder / "best")
        position = state.restore(last.files, self.task.optimizers)
        self.raw_model.load_state_dict(last.tensors)
        self.step, self.seconds = int(position["step"]), position["seconds"]
        self._evaluated = int(position["evaluated"])
        self.best, self.metrics = position["best"], dict(last.meta.metrics)
        if isinstance(self.task.files, dict):  # what a task collected on the way, e.g. samples
            self.task.files.update({n: b for n, b in last.files.items() if n not in state.FILES})
        if self.accelerator.scaler is not None and "scaler" in position:
            self.accelerator.scaler.load_state_dict(position["scaler"])
        if self.accelerator.is_main_process:
            for path in leftovers:
                shutil.rmtree(path, ignore_errors=True)

    def finish(self) -> None:
        """Adds the task's slower metrics and files to ``best/``."""
        folder, task = self.folder / "best", self.task
        if not (task.finish and self.accelerator.is_main_process and folder.exists()):
            return
        best = checkpoints.load(folder)
        self.raw_model.load_state_dict(best.tensors)
        with torch.no_grad():
            metrics, files = task.finish(self.raw_model.eval())
        meta = dataclasses.replace(best.meta, metrics={**best.meta.metrics, **metrics})
        checkpoints.save(folder, best.tensors, meta, {**best.files, **files}, self.config.half)


def _gradient_step(config: TrainConfig) -> Callable[[Task, Accelerator], Callable[[Batch], Losses]]:
    """The step of every family with one loss: forward, backward, clip, update."""

    def make(task: Task, accelerator: Accelerator) -> Callable[[Batch], Losses]:
        assert task.losses is not None, "a task needs losses or make_step"
        losses_of = task.losses

        def step(batch: Batch) -> Losses:
            with accelerator.autocast():
                losses = losses_of(task.model, batch)
            accelerator.backward(losses["loss"])
            if config.clip and accelerator.sync_gradients:
                accelerator.clip_grad_norm_(task.model.parameters(), config.clip)
            for optimizer in task.optimizers.values():
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            return losses

        return step

    return make


def _to(batch: Batch, device: torch.device) -> Batch:
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, tuple | list):
        return tuple(_to(b, device) for b in batch)
    if isinstance(batch, dict):
        return {name: _to(b, device) for name, b in batch.items()}
    return batch


def hardware(device: torch.device) -> str:
    """One line for the card, e.g. ``"2 CPU threads (x86_64)"``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    import platform

    return f"{torch.get_num_threads()} CPU thread(s), {platform.machine()}"
