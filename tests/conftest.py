"""What every test shares: a home of its own, no network, a real app and a real browser."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and checkpoints of a test stay in its own folder; data sets are not looked for."""
    monkeypatch.setenv("GENAPP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENAPP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GENAPP_DATA", raising=False)


class App:
    """``python app.py`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "app.log"
        env = {
            **os.environ,
            "GENAPP_HOME": str(folder / "home"),
            "GENAPP_CACHE": str(folder / "cache"),
            "GRADIO_SERVER_PORT": "",
            "PYTHONUNBUFFERED": "1",
        }
        env.pop("GENAPP_DATA", None)
        env.pop("GRADIO_SERVER_PORT")
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=env,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )
        self.url = self._wait()

    def _wait(self, seconds: float = 90) -> str:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := re.search(r"http://[\d.]+:\d+", self.log.read_text()):
                try:
                    urllib.request.urlopen(found[0], timeout=5)
                    return found[0]
                except (urllib.error.URLError, TimeoutError):
                    pass
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(f"the app did not start:\n{self.log.read_text()}")

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One server for all browser tests and API tests."""
    running = App(tmp_path_factory.mktemp("app"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser():  # type: ignore[no-untyped-def]
    """Headless Chromium; skipped where there is none, unless GENAPP_REQUIRE_BROWSER is set."""
    path = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if path is None:
        if os.environ.get("GENAPP_REQUIRE_BROWSER"):
            pytest.fail("no Chromium found, and this run requires one")
        pytest.skip("no Chromium found")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--mute-audio",
            ],
        )
        yield chromium
        chromium.close()


# What Gradio's own script says when a visitor leaves while something is still on its way.
LEAVING = ("AbortError: signal is aborted", "Connection errored out")


class Visit:
    """A page as a visitor sees it, and everything it complained about."""

    def __init__(self, page, url: str) -> None:  # type: ignore[no-untyped-def]
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("console", lambda m: self._complain(m.text) if m.type == "error" else None)

    def _complain(self, words: str) -> None:
        if not any(leaving in words for leaving in LEAVING):
            self.complaints.append(words)

    def open(self, path: str):  # type: ignore[no-untyped-def]
        self.page.goto(f"{self.url}{path}", wait_until="domcontentloaded")
        self.page.wait_for_selector("#frame nav a", timeout=30_000)
        return self.page


@pytest.fixture(params=["desktop"])
def visit(app: App, browser, request) -> Iterator[Visit]:  # type: ignore[no-untyped-def]
    """A fresh visitor; parametrise indirectly with "phone" for 390 px."""
    size = (
        {"width": 390, "height": 844}
        if request.param == "phone"
        else {"width": 1280, "height": 900}
    )
    context = browser.new_context(viewport=size, has_touch=request.param == "phone")
    context.set_default_timeout(30_000)
    visitor = Visit(context.new_page(), app.url)
    yield visitor
    context.close()
    assert not visitor.complaints, visitor.complaints


@pytest.fixture
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No data folder, an empty cache, no downloads; returns the cache."""
    monkeypatch.delenv("GENAPP_DATA", raising=False)
    monkeypatch.setenv("GENAPP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GENAPP_OFFLINE", "1")
    return tmp_path / "cache"
