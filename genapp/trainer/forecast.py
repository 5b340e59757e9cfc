"""How long a run will take, judged by runs that have been."""

from genapp import checkpoints
from genapp.errors import UserError
from genapp.trainer import runs
from genapp.trainer.config import Job, settings


def forecast(job: Job) -> str:
    """One line such as "About 2 min, as on 2 CPU threads", or "" when nothing is known.

    Seconds a step come from the newest run of the same preset here, else from a checkpoint's card;
    another batch size counts in proportion.
    """
    config = settings(job)
    work = config.steps * config.batch * config.accumulate
    if pace := _pace_here(job):
        return f"About {duration(work * pace)}, judging by the last run here."
    for name, folder in checkpoints.find(job.family).items():
        try:
            meta = checkpoints.read_meta(folder)
            same = meta.preset == job.preset and meta.step and meta.seconds
            usual = settings(Job(family=job.family, preset=job.preset))
        except UserError:
            continue
        if same:
            pace = meta.seconds / (meta.step * usual.batch * usual.accumulate)
            return f"About {duration(work * pace)}, as {name} on {meta.hardware}."
    return ""


def _pace_here(job: Job) -> float:
    """Seconds an example, of the newest run of this preset and scale that got anywhere."""
    for run in runs.listing():
        same = (run.job.family, run.job.preset, run.job.scale) == (
            job.family,
            job.preset,
            job.scale,
        )
        if same and run.status.step >= 20 and run.status.seconds > 1:
            config = settings(run.job)
            return run.status.seconds / (run.status.step * config.batch * config.accumulate)
    return 0.0


def duration(seconds: float) -> str:
    """Seconds in words: "40 s", "3 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
