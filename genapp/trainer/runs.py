"""A training run on disk: one folder whose small files tell everything, to whoever looks.

``config.json`` (the job), ``status.json``, ``metrics.jsonl``, ``previews/``, ``log.txt``,
``control`` (one word: run, pause or stop) and the checkpoints ``last/`` and ``best/``. A process
that trains writes, any number of pages and shells read; nothing here imports torch.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genapp import checkpoints
from genapp.errors import UserError
from genapp.trainer.config import Job

CONFIG, STATUS, METRICS, CONTROL = "config.json", "status.json", "metrics.jsonl", "control"
ACTIVE = frozenset({"running", "paused", "stopping"})  # a process is behind it
MOST_POINTS = 1000  # of one curve sent to a page at once
MOST_PREVIEWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a run stands. Only its process writes it while there is one."""

    state: str = (
        "queued"  # | running | paused | stopping | stopped | interrupted | finished | failed
    )
    message: str = ""
    step: int = 0
    steps: int = 0
    seconds: float = 0.0  # of training
    best: float | None = None
    score: str = ""  # what ``best`` measures
    advice: tuple[str, ...] = ()  # the doctor's words
    pid: int = 0
    born: float = 0.0  # when process ``pid`` was created: the two together name one process
    queued: float = 0.0  # when it entered the queue
    updated: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run's folder with what was asked and where it stands."""

    id: str
    folder: Path
    job: Job
    status: Status

    @property
    def title(self) -> str:
        return self.job.name or self.job.preset


def create(job: Job, run_id: str = "") -> Run:
    """A new folder, queued, under an id of ours: date-family-preset-xxxx. Raises OSError."""
    stem = slug(f"{time.strftime('%m%d-%H%M')}-{job.family}-{job.preset}", 60)
    run_id = run_id or f"{stem}-{secrets.token_hex(2)}"
    folder = checkpoints.home() / run_id
    (folder / "previews").mkdir(parents=True)
    put(folder / CONTROL, "run")
    write_job(folder, job)
    return Run(run_id, folder, job, write_status(folder, Status(queued=time.time())))


def write_job(folder: Path, job: Job) -> None:
    put(folder / CONFIG, json.dumps(asdict(job), indent=1))


def slug(text: str, longest: int = 40) -> str:
    """``text`` as a name that is safe in a path and a URL: a–z, 0–9 and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].rstrip("-")


def listing() -> list[Run]:
    """Every run, newest first."""
    home = checkpoints.home()
    folders = [p.parent for p in home.glob(f"*/{CONFIG}")] if home.is_dir() else []
    runs = [run for f in folders if not f.name.startswith(".") and (run := _read(f))]
    return sorted(runs, key=lambda run: (run.status.queued, run.id), reverse=True)


def find(wanted: str) -> Run:
    """The run a person means: its id, its name, an unambiguous beginning, or "last".

    Looked up in the listing and never joined into a path. Raises :class:`UserError`.
    """
    runs = listing()
    matches = [r for r in runs if wanted == r.id] or (runs[:1] if wanted == "last" else [])
    matches = matches or [r for r in runs if wanted and wanted in {r.job.name, r.id[-4:]}]
    matches = matches or [r for r in runs if wanted and r.id.startswith(wanted)]
    if len(matches) != 1:
        what = f"{len(matches)} runs match" if matches else "No run is called"
        known = ", ".join(r.id for r in (matches or runs)[:8]) or "none yet: start one"
        raise UserError(f"{what} {wanted[:60]!r}", f"choose one of {known}.")
    return matches[0]


def _read(folder: Path) -> Run | None:
    try:
        job = Job(**json.loads((folder / CONFIG).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # half-made or deleted meanwhile
    return Run(folder.name, folder, job, read_status(folder))


def read_status(folder: Path) -> Status:
    """``status.json``; an unreadable one counts as interrupted."""
    try:
        raw = json.loads((folder / STATUS).read_text("utf-8"))
        return Status(**{**raw, "advice": tuple(raw["advice"])})
    except (OSError, ValueError, TypeError, KeyError):
        return Status(state="interrupted", message="Its status can't be read — resume it.")


def write_status(folder: Path, status: Status, **changes: Any) -> Status:
    """Writes ``status`` with ``changes``; returns what was written."""
    status = replace(status, **changes, updated=round(time.time(), 2))
    put(folder / STATUS, json.dumps(asdict(status)))
    return status


def put(path: Path, text: str) -> None:
    """Replaces a small file atomically; on a full disk in place, which needs no new block."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(2)}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        if error.errno != errno.ENOSPC or not path.exists():
            raise
        with path.open("r+", encoding="utf-8") as f:
            f.write(text)
            f.truncate()


def control(folder: Path) -> str:
    """The word in the control file: run, pause or stop."""
    try:
        return (folder / CONTROL).read_text("utf-8").strip() or "run"
    except OSError:
        return "run"


def rows(folder: Path, offset: int = 0) -> tuple[list[dict[str, float]], int]:
    """Rows of ``metrics.jsonl`` from byte ``offset`` on, and where to go on next time.

    A half-written last line waits for the next call. A file shorter than ``offset`` (a resumed run
    has cut it) is read from its beginning, which the returned rows show by their steps.
    """
    path = folder / METRICS
    if not path.exists():
        return [], 0
    with path.open("rb") as f:
        if f.seek(0, os.SEEK_END) < offset:
            offset = 0
        f.seek(offset)
        whole, newline, _ = f.read().rpartition(b"\n")
    return list(_parsed(whole)), offset + len(whole) + len(newline)


def _parsed(lines: bytes) -> Iterator[dict[str, float]]:
    for line in lines.splitlines():
        with contextlib.suppress(ValueError):
            if isinstance(row := json.loads(line), dict):
                yield row


def cut_rows(folder: Path, step: int) -> None:
    """Drops what a killed process logged after the checkpoint it is resumed from."""
    kept = [row for row in rows(folder)[0] if row.get("step", 0) <= step]
    put(folder / METRICS, "".join(json.dumps(row) + "\n" for row in kept))


def series(
    found: Sequence[Mapping[str, float]], most: int = MOST_POINTS
) -> dict[str, list[list[float]]]:
    """Curves by name, each ``[[step, value], …]`` thinned to ``most`` points."""
    curves: dict[str, list[list[float]]] = {}
    for row in found:
        for name, value in row.items():
            if name not in {"step", "seconds"} and isinstance(value, int | float):
                curves.setdefault(name, []).append([row["step"], float(f"{value:.5g}")])
    return {name: _thinned(points, most) for name, points in curves.items()}


def _thinned(points: list[list[float]], most: int) -> list[list[float]]:
    stride = -(-len(points) // most)
    return [*points[:-1:stride], points[-1]]


def add_preview(folder: Path, step: int, shown: Any) -> None:
    """Stores a text, or a uint8 image (H, W) or (H, W, 3), as the preview of ``step``.

    Beyond :data:`MOST_PREVIEWS` every second one goes, so a long run keeps an even film.
    """
    path = folder / "previews" / f"{step:09d}"
    path.parent.mkdir(exist_ok=True)
    if isinstance(shown, str):
        put(path.with_suffix(".txt"), shown)
    else:
        from PIL import Image

        aside = path.with_suffix(".part")
        Image.fromarray(shown).save(aside, format="png")
        aside.replace(path.with_suffix(".png"))
    kept = previews(folder)
    if len(kept) > MOST_PREVIEWS:
        for old in list(kept.values())[1:-1:2]:
            old.unlink()


def previews(folder: Path) -> dict[int, Path]:
    """Step → file, in order."""
    found = sorted(p for p in (folder / "previews").glob("*.*") if p.suffix in {".png", ".txt"})
    return {int(p.stem): p for p in found if p.stem.isdigit()}


def delete(run: Run) -> None:
    """Removes the folder: first out of sight in one step, then file by file."""
    aside = run.folder.with_name(f".deleted-{run.id}")
    run.folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
