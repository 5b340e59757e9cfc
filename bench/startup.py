"""From ``python app.py`` to the first answer and to the first usable tab, against a hello world.

The peer is the shortest Gradio program there is. Both run as fresh processes, interleaved, with a
warm file cache; the median of each is taken.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
HELLO = "import gradio as gr; gr.Interface(lambda s: 'Hello ' + s, 'text', 'text').launch()"
ROUNDS = 5


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def start(command: list[str], port: int) -> subprocess.Popen[bytes]:
    """The program as a process of its own, serving on ``port``."""
    home = tempfile.mkdtemp(prefix="genapp-bench-")
    env = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GENAPP_HOME": home}
    env |= {"GRADIO_ANALYTICS_ENABLED": "False"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, env=env, **quiet)  # type: ignore[call-overload]


def until_ok(url: str) -> None:
    """Waits for HTTP 200."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.01)


def measure(browser, command: list[str], path: str, ready: str) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Seconds to the first HTTP 200 and to ``ready`` (a selector) being visible in the browser."""
    port = free_port()
    began = time.perf_counter()
    process = start(command, port)
    try:
        until_ok(f"http://127.0.0.1:{port}/")
        answered = time.perf_counter() - began
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}{path}", wait_until="domcontentloaded")
        page.wait_for_selector(ready, state="visible", timeout=60_000)
        usable = time.perf_counter() - began
        page.close()
        return answered, usable
    finally:
        process.terminate()
        process.wait()


def main() -> dict[str, float]:
    """Keys: seconds_to_200, seconds_to_tab, the same with ``hello_``, ratio and tab_ratio."""
    from playwright.sync_api import sync_playwright

    ours: list[tuple[float, float]] = []
    hello: list[tuple[float, float]] = []
    app = [sys.executable, "app.py"]
    with sync_playwright() as p:
        args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=args)
        for turn in range(ROUNDS + 1):  # the first round warms the file cache
            a = measure(browser, app, "/latent", "#latent-pad canvas")
            b = measure(browser, [sys.executable, "-c", HELLO], "/", "textarea")
            print(f"{turn}: ours {a[0]:.2f} / {a[1]:.2f} s · hello world {b[0]:.2f} / {b[1]:.2f} s")
            if turn:
                ours.append(a)
                hello.append(b)
        browser.close()
    (s200, tab), (h200, htab) = (
        [statistics.median(column) for column in zip(*rows, strict=True)] for rows in (ours, hello)
    )
    return {
        "seconds_to_200": s200,
        "hello_seconds_to_200": h200,
        "ratio": s200 / h200,
        "seconds_to_tab": tab,
        "hello_seconds_to_tab": htab,
        "tab_ratio": tab / htab,
    }
