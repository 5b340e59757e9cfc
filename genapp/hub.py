"""Optional models from the Hugging Face hub: pinned revision, size known first, offline-safe.

:func:`announce` asks for the files' sizes, so that a person can decide; :func:`fetch` brings them.
Files land in the hub library's own cache (``HF_HOME``) and are shared with every other program.
``HF_ENDPOINT`` chooses another address, ``GENAPP_OFFLINE=1`` forbids downloads.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genapp.data.source import human, offline
from genapp.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a repository at its pinned revision."""

    name: str
    size: int  # bytes
    sha256: str  # empty for small text files, which the hub identifies otherwise
    here: Path | None  # where it is already, in the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What :func:`fetch` would bring."""

    repo: str
    revision: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes still to come; 0 when everything is in the cache."""
        return sum(f.size for f in self.files if f.here is None)

    def __str__(self) -> str:
        what = f"{human(self.size)} to download" if self.size else "already on this machine"
        return f"{self.repo}@{self.revision[:7]}: {what}"


def announce(repo: str, revision: str, files: Sequence[str]) -> Download:
    """Names and sizes of ``files`` at the commit ``revision``; downloads nothing.

    Raises:
        ValueError: the revision is a branch: what it names could change.
        UserError: a file is not in the cache and the hub cannot be asked, or has no such file.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ValueError(f"revision {revision!r} is no commit: pin 40 hex digits")
    found = tuple(_about(repo, revision, name) for name in files)
    return Download(repo=repo, revision=revision, files=found)


def fetch(download: Download) -> Path:
    """The folder that holds the files, downloading what is missing.

    Raises :class:`UserError` if the hub cannot be reached, the disk is full or a file is damaged.
    """
    from huggingface_hub import hf_hub_download

    folder = None
    for file in download.files:
        path = file.here
        if path is None:
            _allow(download.repo, file.size)
            try:
                path = Path(
                    hf_hub_download(
                        download.repo, file.name, revision=download.revision, endpoint=_endpoint()
                    )
                )
            except Exception as error:  # httpx, OS and hub errors have no common ancestor
                raise _unreachable(download.repo, error) from error
            _verify(path, file)
        folder = path.parents[file.name.count("/")]
    if folder is None:
        raise ValueError("a download needs at least one file")
    return folder


def _about(repo: str, revision: str, name: str) -> RemoteFile:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    cached = try_to_load_from_cache(repo, name, revision=revision)
    if isinstance(cached, str):
        path = Path(cached)
        return RemoteFile(name=name, size=path.stat().st_size, sha256="", here=path)
    _allow(repo, None)
    url = hf_hub_url(repo, name, revision=revision, endpoint=_endpoint())
    try:
        answer = get_hf_file_metadata(url, timeout=10, endpoint=_endpoint())
    except Exception as error:
        raise _unreachable(repo, error) from error
    if answer.commit_hash != revision or answer.size is None:
        raise UserError(
            f"{repo}: the hub answers with commit {answer.commit_hash}", f"expected {revision}."
        )
    etag = answer.etag or ""
    sha256 = etag if re.fullmatch(r"[0-9a-f]{64}", etag) else ""
    return RemoteFile(name=name, size=answer.size, sha256=sha256, here=None)


def _endpoint() -> str | None:
    """Read now: the library itself reads ``HF_ENDPOINT`` only when it is imported."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _allow(repo: str, size: int | None) -> None:
    if offline() or os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        much = f" ({human(size)})" if size else ""
        raise UserError(
            f"{repo} is not on this machine{much} and downloads are off",
            "unset GENAPP_OFFLINE and HF_HUB_OFFLINE, or import a local folder.",
        )


def _verify(path: Path, file: RemoteFile) -> None:
    if not file.sha256:
        return
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        path.resolve().unlink()  # the cache holds a link to it
        path.unlink(missing_ok=True)
        raise UserError(f"{file.name} arrived damaged", "try again.")


def _unreachable(repo: str, error: Exception) -> UserError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return UserError(
        f"{repo} can't be fetched from the hub ({reason[0][:160]})",
        "connect to the internet, or import a local folder.",
    )
