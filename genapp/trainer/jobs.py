"""Training runs as jobs: queued, started as processes of their own, paused, stopped, resumed.

All state is on disk (:mod:`genapp.trainer.runs`), so a run outlives the tab, the server and the
shell that started it. Whoever moves the queue — the server's scheduler thread, a run that ends, a
command line — does so under one file lock.
"""

import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from genapp import checkpoints, registry
from genapp.errors import UserError
from genapp.trainer import own_data, runs
from genapp.trainer.config import Job, clean, settings
from genapp.trainer.runs import ACTIVE, Run, Status

log = logging.getLogger(__name__)

QUEUE = 20  # runs that may wait
_children: list[subprocess.Popen[bytes]] = []  # kept so that the ones that ended are reaped


def limit() -> int:
    """How many runs train at once: ``GENAPP_JOBS``, else 1."""
    try:
        return max(1, int(os.environ.get("GENAPP_JOBS", "1")))
    except ValueError:
        return 1


@contextmanager
def locked() -> Iterator[None]:
    """Held while runs start or change hands; shared by every process that uses this home."""
    home = checkpoints.home()
    lock = FileLock(home / ".lock", timeout=30)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:  # filelock's Timeout is one
        raise UserError(
            f"Can't write to {home} ({error.strerror or error})",
            "set GENAPP_HOME to a folder of yours with free space.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def submit(job: Job, uploads: Sequence[Path] = ()) -> str:
    """Checks and queues ``job``, starts it if there is room; returns the run's id.

    ``uploads`` are copied into the run's folder and become its data.
    Raises :class:`UserError` for anything that can't be trained.
    """
    run = prepare(job, uploads)
    scheduler.tick()
    return run.id


def prepare(job: Job, uploads: Sequence[Path] = (), here: bool = False) -> Run:
    """:func:`submit` without starting anything; ``here`` makes it this process's own run."""
    config = settings(job)
    own = registry.get(job.family).own_data
    if job.data:
        job = replace(job, data=str(Path(job.data).absolute()))
        own_data.check_path(own, Path(job.data))
    job = replace(job, name=job.name.strip()[:60], overrides=clean(job.overrides))
    with _staged(own, uploads) as data, locked():
        if not here and len(waiting(runs.listing())) >= QUEUE:
            raise UserError("The queue is full", "wait for a run to end, or take one out.")
        run = runs.create(job)
        if data:
            moved = data[0].rename(run.folder / "data")
            run = _with_job(run, data=str(moved / data[1]))
        changes = _this_process() if here else {"message": "Waiting."}
        runs.write_status(run.folder, run.status, steps=config.steps, **changes)
    return run


@contextmanager
def _staged(own: str, uploads: Sequence[Path]) -> Iterator[tuple[Path, Path] | None]:
    """Uploads, checked and copied aside before the lock is taken: (folder, data within it)."""
    if not uploads:
        yield None
        return
    aside = checkpoints.home() / f".upload-{secrets.token_hex(4)}"
    try:
        data = own_data.take(own, uploads, aside)
        yield aside, data.relative_to(aside)
    except OSError as error:
        raise UserError(
            f"Could not store your data ({error.strerror or error})", "free some disk space."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def waiting(found: list[Run]) -> list[Run]:
    """The queue, first in line first."""
    queue = [run for run in found if run.status.state == "queued"]
    return sorted(queue, key=lambda run: (run.status.queued, run.id))


def pause(wanted: str) -> None:
    """Holds a running run where it is; it keeps its place and its memory."""
    run = runs.find(wanted)
    if run.status.state != "running":
        raise UserError(f"{run.title} is {run.status.state}", "only a running one can be paused.")
    runs.put(run.folder / runs.CONTROL, "pause")


def stop(wanted: str) -> None:
    """Takes a waiting run out of the queue, or has a running one save and end."""
    run = runs.find(wanted)
    with locked():
        status = runs.read_status(run.folder)
        if status.state == "queued":
            message = "Taken out of the queue — resume puts it back."
            runs.write_status(run.folder, status, state="stopped", message=message)
        elif status.state in ACTIVE:
            runs.put(run.folder / runs.CONTROL, "stop")
        else:
            raise UserError(f"{run.title} is {status.state}", "there is nothing to stop.")


def resume(wanted: str, overrides: Mapping[str, Any] | None = None) -> str:
    """Lets a paused run go on, or queues one that ended to continue from its last checkpoint.

    ``overrides`` (``steps``, ``lr``, …) change its settings: more steps make a finished run longer.
    """
    run = runs.find(wanted)
    if run.status.state == "paused" and not overrides:
        runs.put(run.folder / runs.CONTROL, "run")
        return run.id
    enqueue(run, overrides or {})
    scheduler.tick()
    return run.id


def enqueue(run: Run, overrides: Mapping[str, Any], here: bool = False) -> Run:
    """Puts a run that ended back into the queue (or makes it this process's), with new settings."""
    with locked():
        status = runs.read_status(run.folder)
        if status.state in ACTIVE or status.state == "queued":
            raise UserError(f"{run.title} is {status.state}", "stop it before changing it.")
        job = replace(run.job, overrides={**run.job.overrides, **clean(overrides)})
        config = settings(job)
        if status.state == "finished" and config.steps <= status.step:
            raise UserError(
                f"{run.title} has finished its {status.step:,} steps",
                "resume it with more steps, or start a new run.",
            )
        run = _with_job(run, overrides=job.overrides)
        runs.put(run.folder / runs.CONTROL, "run")
        changes = {"state": "queued", "pid": 0, "message": "Waiting.", "queued": time.time()}
        changes |= {"steps": config.steps, "advice": (), **(_this_process() if here else {})}
        status = runs.write_status(run.folder, status, **changes)
    return replace(run, status=status)


def delete(wanted: str) -> None:
    """Removes a run's folder. What was exported from it stays."""
    run = runs.find(wanted)
    with locked():
        if runs.read_status(run.folder).state in ACTIVE:
            raise UserError(f"{run.title} is running", "stop it first.")
        runs.delete(run)


def _with_job(run: Run, **changes: Any) -> Run:
    job = replace(run.job, **changes)
    runs.write_job(run.folder, job)
    return replace(run, job=job)


def alive(status: Status) -> bool:
    """Whether the process that wrote ``status`` still exists (a reused pid is another process)."""
    if not status.pid:
        return False
    try:
        process = psutil.Process(status.pid)
        same = abs(process.create_time() - status.born) < 2
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def claim(run: Run) -> Status:
    """Called by the process that trains ``run``: makes it the one behind the status.

    Raises :class:`UserError` if another process already is.
    """
    with locked():
        status = runs.read_status(run.folder)
        if status.pid != os.getpid() and status.state in ACTIVE and alive(status):
            raise UserError(f"{run.title} is already running", f"see process {status.pid}.")
        return runs.write_status(run.folder, status, **_this_process())


def _this_process() -> dict[str, Any]:
    born = psutil.Process(os.getpid()).create_time()
    return {"state": "running", "message": "Starting.", "pid": os.getpid(), "born": born}


def bury(run: Run) -> None:
    """Says in words that a run's process is gone."""
    status = runs.read_status(run.folder)  # again: it may have ended properly meanwhile
    if status.state in ACTIVE and not alive(status):
        message = (
            "Interrupted: its process is gone (killed, out of memory, or the machine restarted)"
            " — resume continues from the last checkpoint."
        )
        if not (run.folder / "last").exists():
            message = "Interrupted before its first checkpoint — log.txt may say why; start again."
        runs.write_status(run.folder, status, state="interrupted", message=message, pid=0)


class Scheduler:
    """Starts what waits as soon as there is room."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()

    def start(self) -> None:
        """Ticks once a second in a daemon thread, from the first call on."""
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        while True:
            try:
                self.tick()
            except Exception:  # a full disk today must not end the queue for good
                log.exception("the queue of training runs could not be moved")
            time.sleep(1)

    def tick(self) -> None:
        """Marks runs whose process died, then launches in order while fewer than the limit run."""
        _children[:] = [child for child in _children if child.poll() is None]
        found = runs.listing()
        if not any(run.status.state in ACTIVE | {"queued"} for run in found):
            return
        with locked():
            for run in found:
                if run.status.state in ACTIVE and not alive(run.status):
                    bury(run)
            found = runs.listing()
            room = limit() - sum(run.status.state in ACTIVE for run in found)
            for run in waiting(found)[: max(0, room)]:
                launch_process(run)


scheduler = Scheduler()


def launch_process(run: Run) -> None:
    """Starts ``python -m genapp.trainer _work <id>`` in a session of its own, under the lock."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH")) if p)
    home = str(checkpoints.home())
    with (run.folder / "log.txt").open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "genapp.trainer", "_work", run.id],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path, "GENAPP_HOME": home, "PYTHONUNBUFFERED": "1"},
        )
    _children.append(child)
    born = psutil.Process(child.pid).create_time()
    changes = {"state": "running", "message": "Starting.", "pid": child.pid, "born": born}
    runs.write_status(run.folder, runs.read_status(run.folder), **changes)
