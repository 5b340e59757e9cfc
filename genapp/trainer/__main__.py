"""``python -m genapp.trainer``: train, resume, watch and export from a terminal.

Also the way to several GPUs or machines: ``accelerate launch -m genapp.trainer train …``.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from genapp import checkpoints, registry
from genapp.errors import UserError
from genapp.trainer import export, jobs, runs, worker
from genapp.trainer.config import KINDS, SCALES, Job, TrainConfig, presets_of
from genapp.trainer.runs import Run

HELP = {
    "steps": "optimiser updates",
    "batch": "examples a step",
    "lr": "learning rate",
    "warmup": "steps over which the rate rises",
    "decay": "last share of the run over which it falls",
    "min_lr": "what it falls to, as a share",
    "clip": "largest gradient norm, 0 = off",
    "accumulate": "batches an update adds up",
    "precision": "no, bf16 or fp16",
    "seed": "of everything random",
    "log_every": "steps between rows",
    "eval_every": "steps between evaluations",
    "start": "checkpoint to go on from, its own tokens included",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 fine, 1 a failed run or a mistake told in one line."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0


def parser() -> argparse.ArgumentParser:
    """The commands and their options; the numbers' defaults are the preset's."""
    top = argparse.ArgumentParser(
        prog="python -m genapp.trainer",
        description="Train any model family, here or as a job of the queue.",
    )
    commands = top.add_subparsers(required=True, metavar="command")

    train = _command(commands, "train", _train, "train a family's preset")
    train.add_argument("family", help=f"one of {', '.join(registry.all_families()) or 'none yet'}")
    train.add_argument("--preset", help="which model (default: the family's first)")
    train.add_argument("--scale", choices=SCALES, default="auto", help="whose numbers to use")
    train.add_argument("--data", default="", metavar="PATH", help="your own text file or pictures")
    train.add_argument("--name", default="", metavar="RUN", help="what to call the run")
    _settings(train)

    resume = _command(commands, "resume", _resume, "go on from a run's last checkpoint")
    resume.add_argument("wanted", metavar="run", help='id, name, beginning of an id, or "last"')
    _settings(resume)

    _command(commands, "list", _list, "all runs, newest first")
    for name, about in (("pause", "hold a running job"), ("stop", "save and end a job")):
        _command(commands, name, _control, about).add_argument("wanted", metavar="run")

    out = _command(commands, "export", _export, "make a run's best weights a checkpoint")
    out.add_argument("wanted", metavar="run")
    out.add_argument("name", nargs="?", default="", help="a-z, 0-9, hyphens")
    out.add_argument("--to", type=Path, metavar="FOLDER", help="result: FOLDER/<family>/<name>")
    out.add_argument("--replace", action="store_true", help="even if the name is taken")

    hidden = commands.add_parser("_work")  # what the queue starts
    hidden.add_argument("wanted")
    hidden.set_defaults(run=lambda options: worker.work_in_background(options.wanted))
    return top


def _command(commands: Any, name: str, run: Any, about: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.set_defaults(run=run, command=name)
    return command


def _settings(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("settings", "instead of the preset's")
    for f in fields(TrainConfig):
        if f.name in HELP:
            default = "" if f.default is MISSING else f" (usually {f.default})"
            flag, kind = f"--{f.name.replace('_', '-')}", KINDS[f.name]
            group.add_argument(flag, type=kind, metavar="X", help=HELP[f.name] + default)
    command.add_argument("--background", action="store_true", help="queue it and return")


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in HELP}
    return {name: value for name, value in given.items() if value is not None}


def _train(options: argparse.Namespace) -> int:
    family = registry.get(options.family)
    job = Job(
        family=family.name,
        preset=options.preset or next(iter(presets_of(family.name)), "micro"),
        scale=options.scale,
        overrides=_overrides(options),
        data=options.data,
        name=options.name,
    )
    if not options.background:
        return _work(_shared(lambda: jobs.prepare(job, here=True)))
    print(f"queued {jobs.submit(job)}")
    return 0


def _resume(options: argparse.Namespace) -> int:
    overrides = _overrides(options)
    if options.background or runs.find(options.wanted).status.state == "paused":
        print(f"queued {jobs.resume(options.wanted, overrides)}")
        return 0
    return _work(_shared(lambda: jobs.enqueue(runs.find(options.wanted), overrides, here=True)))


def _work(run: Run) -> int:
    """Trains in this process; the last line says how to go on or what to do with the result."""
    main_process = int(os.environ.get("RANK", "0")) == 0

    def tell(line: str) -> None:
        if main_process:
            print(line, flush=True)

    tell(f"run {run.id} in {run.folder}")
    status = worker.work(run, tell)
    again = f"python -m genapp.trainer resume {run.id}"
    if status.state == "finished":
        tell(f"use it: python -m genapp.trainer export {run.id} {export.default_name(run)}")
    elif (run.folder / "last").exists():
        tell(f"go on:  {again}")
    return int(status.state == "failed")


def _shared(make: Any) -> Run:
    """``make()`` in the main process; the others of a distributed launch get the same run."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return make()  # type: ignore[no-any-return]
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    found = [make().id if PartialState().is_main_process else ""]
    return runs.find(broadcast_object_list(found)[0])


def _list(options: argparse.Namespace) -> int:
    jobs.scheduler.tick()
    found = runs.listing()
    queue = [run.id for run in jobs.waiting(found)]
    for run in found:
        s = run.status
        state = f"queued {queue.index(run.id) + 1}" if run.id in queue else s.state
        best = "" if s.best is None else f"{s.score} {s.best:.4g}"
        name = f"  {run.job.name}" if run.job.name else ""
        print(
            f"{run.id:<44} {state:<12} {s.step:>9,}/{s.steps:<9,} {s.seconds:>7.0f} s  {best}{name}"
        )
        if s.state in {"failed", "interrupted"}:
            print(f"    {s.message}")
    if not found:
        print(f"no runs in {checkpoints.home()} yet")
    return 0


def _control(options: argparse.Namespace) -> int:
    {"pause": jobs.pause, "stop": jobs.stop}[options.command](options.wanted)
    print(f"asked to {options.command}")
    return 0


def _export(options: argparse.Namespace) -> int:
    print(export.export(options.wanted, options.name, options.to, options.replace))
    return 0


if __name__ == "__main__":
    sys.exit(main())
