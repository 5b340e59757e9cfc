"""What a run gives away: its best weights as a checkpoint the pages find, or all of it as a zip."""

import functools
import hashlib
import tempfile
import zipfile
from pathlib import Path

from genapp import checkpoints
from genapp.errors import UserError
from genapp.trainer import runs
from genapp.trainer.runs import Run

EXPORTS = "exports.txt"  # in the run's folder: where its weights went, one path a line


def export(wanted: str, name: str = "", to: Path | None = None, replace: bool = False) -> Path:
    """Copies a run's ``best/`` to ``<to>/<family>/<name>``; returns that folder.

    ``to`` is a folder of checkpoints, by default the one of ``GENAPP_HOME`` where every page finds
    them. ``name`` becomes a–z, 0–9 and hyphens, at most 40. Exporting a run again under the same
    name replaces; a name that something else holds raises :class:`UserError` unless ``replace``.
    """
    run = runs.find(wanted)
    if not (run.folder / "best").exists():
        raise UserError(f"{run.title} has no checkpoint yet", "wait for its first evaluation.")
    meta = checkpoints.read_meta(run.folder / "best")
    short = runs.slug(name or default_name(run))
    if not short:
        raise UserError(f"{name[:40]!r} is no name", "use letters a to z, digits and hyphens.")
    folder = (to or checkpoints.home() / "checkpoints").absolute() / run.job.family / short
    record = run.folder / EXPORTS
    earlier = record.read_text("utf-8").splitlines() if record.exists() else []
    taken = folder.exists() or (to is None and short in checkpoints.find(run.job.family))
    if taken and not replace and str(folder) not in earlier:
        raise UserError(f"There already is a checkpoint {short!r}", "choose another name.")
    blobs = {n: _verified(run.folder / "best" / n, digest) for n, digest in meta.files.items()}
    blobs[checkpoints.META] = (run.folder / "best" / checkpoints.META).read_bytes()
    checkpoints.write_folder(folder, blobs)
    runs.put(record, "\n".join(dict.fromkeys([*earlier, str(folder)])))
    return folder


def default_name(run: Run) -> str:
    """The name a run's checkpoint gets unless told otherwise."""
    return runs.slug(run.job.name) or runs.slug(f"{run.job.preset[:35]}-{run.id[-4:]}")


def _verified(path: Path, digest: str) -> bytes:
    try:
        blob = path.read_bytes()
    except OSError:
        blob = b""
    if hashlib.sha256(blob).hexdigest() != digest:
        raise UserError(f"{path.name} is missing or damaged", "resume the run to write it again.")
    return blob


def archive(wanted: str) -> Path:
    """A zip of a run's settings, log, curves, previews and best checkpoint, in a temporary folder.

    A person's own data and the optimiser's state stay out.
    """
    run = runs.find(wanted)
    parts = [runs.CONFIG, runs.STATUS, runs.METRICS, "log.txt"]
    files = [run.folder / name for name in parts]
    files += [p for sub in ("best", "previews") for p in sorted((run.folder / sub).glob("*"))]
    path = _scratch() / f"{run.id}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        for file in files:
            if file.is_file():
                bundle.write(file, f"{run.id}/{file.relative_to(run.folder)}")
    return path


@functools.cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="genapp-"))
