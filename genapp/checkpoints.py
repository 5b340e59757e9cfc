"""A checkpoint is a folder: ``weights.safetensors``, ``meta.json`` and perhaps a few small files.

The architecture is rebuilt from the JSON and nothing is ever unpickled. Every file is listed in
the JSON with its SHA-256; a folder appears whole or not at all (written aside, then renamed).
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genapp import __version__
from genapp.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "weights.safetensors"
META = "meta.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What ``meta.json`` holds: enough to rebuild the model and to judge it."""

    family: str
    preset: str
    config: Mapping[str, Any]  # of the model
    step: int  # optimiser updates behind these weights
    steps: int  # of the whole run
    seed: int
    data: tuple[Mapping[str, str], ...]  # {"name", "licence", "source"} each
    metrics: Mapping[str, Any]  # held-out
    hardware: str
    seconds: float  # of training
    parameters: int
    about: str = ""
    code_version: str = __version__
    files: Mapping[str, str] = field(default_factory=dict)  # name → SHA-256, the weights included


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A verified checkpoint in memory. ``files`` holds the extra files' bytes by name."""

    meta: Meta
    tensors: "dict[str, Tensor]"
    files: dict[str, bytes]


def save(
    folder: Path,
    tensors: "Mapping[str, Tensor]",
    meta: Meta,
    files: Mapping[str, bytes] | None = None,
    half: bool = False,
) -> Path:
    """Writes the checkpoint atomically, replacing what ``folder`` held; returns ``folder``.

    ``half`` stores floating tensors as fp16. Raises :class:`UserError` when the disk is full:
    the checkpoint that was there before is then still whole.
    """
    from safetensors.torch import save as to_bytes

    packed = {k: _packed(t, half) for k, t in tensors.items()}
    blobs = {WEIGHTS: to_bytes(packed), **(files or {})}
    meta = replace(meta, files={n: hashlib.sha256(b).hexdigest() for n, b in blobs.items()})
    blobs[META] = json.dumps(asdict(meta), indent=1, ensure_ascii=False).encode()
    write_folder(folder, blobs)
    return folder


def _packed(tensor: "Tensor", half: bool) -> "Tensor":
    tensor = tensor.detach().to("cpu")
    if half and tensor.is_floating_point():
        tensor = tensor.half()
    return tensor.contiguous().clone()  # tied weights would share memory, which the format refuses


def write_folder(folder: Path, blobs: Mapping[str, bytes]) -> None:
    """Puts ``blobs`` in place of ``folder``; a crash leaves the old one or the new."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    old = aside.with_name(aside.name + ".old")
    try:
        for name, blob in blobs.items():
            with (aside / name).open("wb") as f:
                f.write(blob)
                f.flush()
                os.fsync(f.fileno())
        aside.chmod(0o755)
        if folder.exists():
            folder.rename(old)
        aside.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise UserError(
            f"Could not save {folder.name}: {error.strerror or error}",
            "free some disk space or choose another folder; the previous checkpoint is untouched.",
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def read_meta(folder: Path) -> Meta:
    """``meta.json`` alone, cheap and without torch. Raises :class:`UserError` if unusable."""
    path = folder / META
    if not path.exists():  # a save that died between its two renames left the old folder aside
        for old in folder.parent.glob(f".{folder.name}.*.old"):
            old.rename(folder)
            break
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Meta(**{**raw, "data": tuple(raw["data"])})
    except FileNotFoundError:
        raise UserError(
            f"Checkpoint {folder.name!r} is missing", "train it on the Train page."
        ) from None
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise UserError(
            f"{folder.name}/{META} can't be read ({error})", "fetch or train this checkpoint again."
        ) from error


def load(folder: Path) -> Checkpoint:
    """Reads and verifies all of ``folder``; raises :class:`UserError` if a file is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    meta = read_meta(folder)
    blobs: dict[str, bytes] = {}
    for name, expected in meta.files.items():
        if Path(name).name != name:
            raise UserError(f"{folder.name} lists a file {name!r}", "use a checkpoint of ours.")
        try:
            blobs[name] = (folder / name).read_bytes()
        except OSError:
            blobs[name] = b""
        if hashlib.sha256(blobs[name]).hexdigest() != expected:
            raise UserError(
                f"{folder.name}/{name} is missing or damaged",
                "fetch or train this checkpoint again.",
            )
    try:
        tensors = from_bytes(blobs.pop(WEIGHTS))
    except (KeyError, SafetensorError) as error:
        raise UserError(
            f"{folder.name}/{WEIGHTS} is not a weight file ({error})", "use a checkpoint of ours."
        ) from error
    return Checkpoint(meta=meta, tensors=tensors, files=blobs)


def roots() -> tuple[Path, ...]:
    """Folders that hold ``<family>/<name>`` checkpoints, a person's own before the shipped ones."""
    return (home() / "checkpoints", Path(__file__).parent.parent / "checkpoints")


def home() -> Path:
    """Where runs and a person's own checkpoints live: ``GENAPP_HOME``, else ``./runs``."""
    return Path(os.environ.get("GENAPP_HOME", "runs")).absolute()


def get(family: str, name: str) -> Path:
    """Folder of one checkpoint; :class:`UserError` lists the known ones."""
    known = find(family)
    if name not in known:
        raise UserError(
            f"{family} has no checkpoint {name!r}",
            f"choose one of {', '.join(known) or 'none yet: train one on the Train page'}.",
        )
    return known[name]


def find(family: str) -> dict[str, Path]:
    """Checkpoint name → folder for one family."""
    found: dict[str, Path] = {}
    for root in reversed(roots()):
        folder = root / family
        if folder.is_dir():
            for path in sorted(p.parent for p in folder.glob(f"*/{META}")):
                if not path.name.startswith("."):
                    found[path.name] = path
    return found
