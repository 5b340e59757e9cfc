"""Pinned files, and downloads that answer what a test wants."""

import hashlib
import io

import pytest

from genapp.data.source import DataFile


def pinned(content: bytes, *urls: str) -> DataFile:
    digest = hashlib.sha256(content).hexdigest()
    return DataFile(name="a file", path="a/b.bin", sha256=digest, size=len(content), urls=urls)


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[str]:
    """Answer every download with ``content``; returns the list of addresses asked for."""
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        assert timeout <= 5
        asked.append(url)
        return io.BytesIO(content)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.delenv("GENAPP_OFFLINE")
    return asked
