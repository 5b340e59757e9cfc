"""The hub client against a local server that speaks the hub's protocol, and without any."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from genapp import hub
from genapp.errors import UserError

REVISION = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b'{"n_layer": 2}', "model.safetensors": bytes(range(256)) * 40}


class Hub(BaseHTTPRequestHandler):
    """``HEAD`` and ``GET /<repo>/resolve/<revision>/<file>``, as huggingface.co answers them."""

    def answer(self, body: bool) -> None:
        name = self.path.rpartition("/")[2]
        blob = FILES.get(name)
        if blob is None or f"/owner/toy/resolve/{REVISION}/" not in self.path:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        digest = hashlib.sha256(blob).hexdigest()
        sent = bytes(len(blob)) if body and self.server.damage else blob
        self.send_response(200)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{digest}"')
        self.send_header("X-Linked-Size", str(len(blob)))
        self.send_header("X-Linked-Etag", f'"{digest}"')
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if body:
            self.server.sent.append(name)
            self.wfile.write(sent)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[ThreadingHTTPServer]:
    from huggingface_hub import constants

    running = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    running.damage, running.sent = False, []
    threading.Thread(target=running.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{running.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    yield running
    running.shutdown()
    running.server_close()


def test_the_size_is_known_before_and_the_files_come_once(server):
    download = hub.announce("owner/toy", REVISION, list(FILES))
    assert download.size == sum(map(len, FILES.values()))
    assert str(download) == "owner/toy@0123456: 10.3 kB to download"
    assert not server.sent
    folder = hub.fetch(download)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == FILES
    assert sorted(server.sent) == sorted(FILES)


def test_what_is_here_needs_no_network(server, monkeypatch):
    hub.fetch(hub.announce("owner/toy", REVISION, list(FILES)))
    server.shutdown()
    monkeypatch.setenv("GENAPP_OFFLINE", "1")
    again = hub.announce("owner/toy", REVISION, list(FILES))
    assert again.size == 0
    assert str(again).endswith("already on this machine")
    assert (hub.fetch(again) / "config.json").read_bytes() == FILES["config.json"]


def test_a_damaged_file_is_refused_and_forgotten(server):
    server.damage = True
    download = hub.announce("owner/toy", REVISION, ["model.safetensors"])
    with pytest.raises(UserError, match="arrived damaged"):
        hub.fetch(download)
    server.damage = False
    assert hub.announce("owner/toy", REVISION, ["model.safetensors"]).size == 10_240


def test_no_such_file(server):
    with pytest.raises(UserError, match="can't be fetched"):
        hub.announce("owner/toy", REVISION, ["missing.bin"])


@pytest.mark.parametrize("switch", ["GENAPP_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_says_so(server, monkeypatch, switch):
    monkeypatch.setenv(switch, "1")
    with pytest.raises(UserError, match="downloads are off — unset"):
        hub.announce("owner/toy", REVISION, ["config.json"])


def test_a_hub_out_of_reach_says_so(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="connect to the internet"):
        hub.announce("owner/toy", REVISION, ["config.json"])


def test_a_branch_is_no_pin():
    with pytest.raises(ValueError, match="pin 40 hex digits"):
        hub.announce("owner/toy", "main", ["config.json"])
