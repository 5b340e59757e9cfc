"""The body of a training process, the same for a job of the queue and for the command line.

The loop's hooks only change a few fields in memory; one thread of its own reads the control file
and writes the status, so a pause, a stop or a heartbeat costs the training nothing.
"""

import errno
import json
import logging
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genapp import registry, runtime
from genapp.errors import UserError
from genapp.spec import resolve
from genapp.trainer import doctor, jobs, runs
from genapp.trainer.config import settings
from genapp.trainer.runs import Run, Status

if TYPE_CHECKING:
    from genapp.trainer.loop import Hooks, Task, Trainer

log = logging.getLogger(__name__)

LOOK, BEAT, CONSULT = 0.2, 0.5, 5.0  # seconds: read control, write status, ask the doctor
Tell = Callable[[str], None]


class Stopped(BaseException):
    """A stop that arrived while there was nothing to save yet."""


def work(run: Run, tell: Tell = lambda line: None, task: "Task | None" = None) -> Status:
    """Trains ``run`` until it is finished, stopped or failed; returns its last status.

    ``tell`` gets a line for everything a person at a terminal wants to know. ``task`` replaces the
    family's recipe (tests do that). Errors end in the status, in words, and in ``log.txt``.
    """
    worker = Worker(run, jobs.claim(run) if _rank() == 0 else run.status, tell)
    with worker.watched():
        try:
            worker.train(task)
        except Stopped:
            worker.say("stopped", "Stopped before the first step.")
        except BaseException as error:  # MemoryError and KeyboardInterrupt end a run too
            state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            worker.say(state, _words(error, run.folder))
            if not isinstance(error, UserError):
                log.error("%s failed\n%s", run.id, traceback.format_exc())
    if _rank() == 0:
        tell(worker.status.message)
        with suppress(UserError, OSError):
            jobs.scheduler.tick()  # there is room for the next one
    return worker.status


class Worker:
    """One run in the hands of this process."""

    def __init__(self, run: Run, status: Status, tell: Tell) -> None:
        self.run, self.status, self.tell = run, status, tell
        self.word, self._training, self._signals = "run", False, 0
        self._over, self._writing = threading.Event(), threading.Lock()
        self._told = self._consulted = 0.0
        self._rows = runs.rows(run.folder)[0]
        self._model_config: Mapping[str, Any] = {}

    def train(self, task: "Task | None") -> None:
        """Recipe, resume, fit, last measurements."""
        self.say("running", "Loading PyTorch.")
        from genapp.trainer.loop import Trainer

        device = "gpu" if runtime.best_device().type == "cuda" else "cpu"
        job = self.run.job
        config = settings(job, device)  # type: ignore[arg-type]
        self.status = replace(self.status, steps=config.steps)
        if task is None:
            self.say("running", "Preparing the data.")
            recipe = resolve(registry.get(job.family).recipe)
            task = recipe(job.preset, config, Path(job.data) if job.data else None)
        self._model_config = task.config
        trainer = Trainer(task, config, self.run.folder)
        trainer.hooks = self._hooks(trainer)
        trainer.resume()
        if _rank() == 0:
            runs.cut_rows(self.run.folder, trainer.step)
        self._rows = [row for row in self._rows if row.get("step", 0) <= trainer.step]
        begun = trainer.step
        self.say("running", f"Training from step {begun:,}." if begun else "Training.")
        self._training = True
        metrics = trainer.fit()
        self._stand(trainer)
        self._consult()
        self._conclude(trainer, metrics)

    def _conclude(self, trainer: "Trainer", metrics: Mapping[str, float]) -> None:
        if trainer.step < trainer.config.steps:
            words = f"Stopped and saved at step {trainer.step:,} — resume continues from there."
            self.say("stopped", words)
            return
        if trainer.task.finish:
            self.say("running", "Measuring the best checkpoint.")
            self._training = False  # nothing is lost if this is stopped
            with suppress(Stopped):
                trainer.finish()
        score = metrics.get(trainer.task.score)
        words = f"{_named(trainer.task.score)} {trainer.best:.4g} at best"
        self.say("finished", f"Finished: {words}." if score is not None else "Finished.")

    def say(self, state: str, message: str) -> None:
        """The next status, on disk at once."""
        self.status = replace(self.status, state=state, message=message)
        self._write()
        if state == "running":
            self.tell(message)

    def _hooks(self, trainer: "Trainer") -> "Hooks":
        from genapp.trainer.loop import Hooks

        def on_log(row: dict[str, float]) -> None:
            self._stand(trainer)
            self._remember(row)
            with (self.run.folder / runs.METRICS).open("a", encoding="utf-8") as f:
                f.write(json.dumps(row) + "\n")
            if time.monotonic() - self._consulted > CONSULT:
                self._consult()
            self._report(row)

        def on_preview(step: int, shown: Any) -> None:
            runs.add_preview(self.run.folder, step, shown)

        def should_stop(step: int) -> bool:
            self.status = replace(self.status, step=step)
            if self.word == "pause":
                self._wait(step)
            return self.word == "stop"

        return Hooks(log=on_log, preview=on_preview, should_stop=should_stop)

    def _wait(self, step: int) -> None:
        self.say("paused", f"Paused at step {step:,}.")
        while self.word == "pause":
            time.sleep(LOOK / 2)
        if self.word == "run":
            self.say("running", "Training.")

    def _stand(self, trainer: "Trainer") -> None:
        best = trainer.best if math.isfinite(trainer.best) else None
        self.status = replace(
            self.status,
            step=trainer.step,
            seconds=round(trainer.seconds, 1),
            best=best,
            score=trainer.task.score,
        )

    def _remember(self, row: dict[str, float]) -> None:
        """For the doctor: every evaluation, the training rows thinned as they grow many."""
        self._rows.append(row)
        if len(self._rows) > 4000:
            self._rows = [r for i, r in enumerate(self._rows) if i % 2 or "loss" not in r]

    def _consult(self) -> None:
        self._consulted = time.monotonic()
        advice = tuple(doctor.advice(self._rows, self._model_config))
        for words in advice:
            if words.split()[0] not in {old.split()[0] for old in self.status.advice}:
                self.tell(words)
        self.status = replace(self.status, advice=advice)

    def _report(self, row: Mapping[str, float]) -> None:
        """At most a line a second, but every evaluation."""
        if "loss" in row and row["step"] > 1 and time.monotonic() - self._told < 1:
            return
        self._told = time.monotonic()
        numbers = {k: v for k, v in row.items() if k not in {"step", "seconds"}}
        shown = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        steps = self.status.steps
        self.tell(f"{row['step']:>{len(f'{steps:,}')},}/{steps:,}  {row['seconds']:.0f} s  {shown}")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Signals ask for a stop, and a thread watches over control file and status."""
        old = {s: signal.signal(s, self._on_signal) for s in (signal.SIGTERM, signal.SIGINT)}
        watch = threading.Thread(target=self._watch, name="watch", daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._over.set()
            watch.join()
            for number, handler in old.items():
                signal.signal(number, handler)
            self._write()

    def _watch(self) -> None:
        beat = 0.0
        while not self._over.wait(LOOK):
            word = runs.control(self.run.folder)
            if word == "stop" and self.word != "stop":
                _interrupt_main_thread()
            elif self.word != "stop":
                self.word = word
            if time.monotonic() - beat > BEAT:
                beat = time.monotonic()
                self._write()

    def _on_signal(self, number: int, frame: Any) -> None:
        self._signals += 1
        if number == signal.SIGINT and self._signals > 1:
            raise KeyboardInterrupt
        self.word = "stop"
        if not self._training:
            if self._signals == 1:
                raise Stopped
            return
        self.status = replace(self.status, state="stopping", message="Saving, then stopping.")
        self.tell("Stopping after this step; Ctrl-C again quits without saving.")

    def _write(self) -> None:
        if _rank() != 0:
            return
        with self._writing:  # two threads write: the later one must hold the later status
            try:
                runs.write_status(self.run.folder, self.status)
            except OSError as error:
                log.warning("could not write the status: %s", error)


def _interrupt_main_thread() -> None:
    """Runs the SIGTERM handler there at once, even out of a download or a sleep where it can."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)


def _words(error: BaseException, folder: Path) -> str:
    """An error as a person should read it."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        kept = (folder / "last").exists()
        return "Quit — resume continues from the last save." if kept else "Quit before a save."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full — free some space; resume continues from the last checkpoint."
    memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if memory or "can't allocate memory" in str(error):
        return "Out of memory — try a smaller batch (and accumulate more of them) or preset."
    about = f"{type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ''}"
    return f"Failed unexpectedly ({about}) — log.txt holds the details."


def _named(score: str) -> str:
    return score.replace("val_", "held-out ").replace("_", " ")


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def work_in_background(run_id: str) -> int:
    """``python -m genapp.trainer _work <id>``: the process of a queued run."""
    if hasattr(os, "nice"):
        os.nice(int(os.environ.get("GENAPP_NICE", "5")))  # the page stays quick
    run = runs.find(run_id)
    print(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {json.dumps(asdict(run.job))}", flush=True)
    status = work(run, tell=lambda line: print(line, file=sys.stdout, flush=True))
    return int(status.state == "failed")
