"""The live route: what it answers, and what it says when the request is bad."""

import struct
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from genapp import registry, service
from genapp.errors import UserError
from genapp.ui import live

PNG = b"\x89PNG\r\n\x1a\n rest"


def double(loaded: Any, values: np.ndarray) -> np.ndarray:
    return 2 * values


def picture(loaded: Any, values: np.ndarray) -> np.ndarray:
    values += 1  # the array must be ours to write to
    return np.zeros((len(values), 28, 28), np.uint8)


def halves(loaded: Any, values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64) / 2


def crash(loaded: Any, values: np.ndarray) -> np.ndarray:
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def refuse(loaded: Any, values: np.ndarray) -> np.ndarray:
    raise UserError("A code has 3 numbers", "send 2.")


def hold(loaded: Any, values: np.ndarray) -> np.ndarray:
    loaded.entered.release()
    assert loaded.gate.wait(30)
    return values


def thumbnail(load: Any) -> bytes:
    load("small").made.append(1)
    return PNG


OPS = (double, picture, halves, crash, refuse, hold)


@pytest.fixture
def loaded() -> SimpleNamespace:
    return SimpleNamespace(
        lock=threading.Lock(), made=[], gate=threading.Event(), entered=threading.Semaphore(0)
    )


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, loaded: SimpleNamespace) -> Iterator[TestClient]:
    ops = {op.__name__: f"{__name__}:{op.__name__}" for op in OPS}
    family = SimpleNamespace(
        name="toy", title="Toy", live=ops, thumbnail=f"{__name__}:{thumbnail.__name__}"
    )
    monkeypatch.setattr(registry, "all_families", lambda: {"toy": family})

    def get(family: str, name: str) -> SimpleNamespace:
        if name != "small":
            raise UserError(f"Toy has no checkpoint {name!r}", "choose one of small.")
        return loaded

    monkeypatch.setattr(service, "models", SimpleNamespace(get=get))
    app = FastAPI()
    app.add_api_route("/{page:path}", lambda page: "a page", methods=["GET", "POST"])
    live.mount(app)
    with TestClient(app) as client:
        yield client


def body(values: Any, seq: int = 7, magic: int = live.MAGIC) -> bytes:
    values = np.asarray(values, "<f4")
    return struct.pack("<4I", magic, seq, *values.shape) + values.tobytes()


def unpack(reply: bytes) -> tuple[int, np.ndarray, float]:
    magic, seq, dtype, ndim = struct.unpack_from("<4I", reply)
    assert magic == live.MAGIC
    shape = struct.unpack_from(f"<{ndim}I", reply, 16)
    (ms,) = struct.unpack_from("<f", reply, 16 + 4 * ndim)
    array = np.frombuffer(reply, live.DTYPES[dtype], offset=20 + 4 * ndim)
    return seq, array.reshape(shape), ms


def test_floats_come_back_with_their_shape_and_number(client: TestClient) -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    reply = client.post("/live/toy/small/double", content=body(values, seq=2**32 - 1))
    assert reply.status_code == 200
    seq, array, ms = unpack(reply.content)
    assert seq == 2**32 - 1
    np.testing.assert_array_equal(array, 2 * values)
    assert 0 < ms < 5000


def test_pictures_come_back_as_bytes(client: TestClient) -> None:
    _, array, _ = unpack(client.post("/live/toy/small/picture", content=body([[0, 1]])).content)
    assert array.dtype == np.uint8
    assert array.shape == (1, 28, 28)


def test_other_number_types_become_float32(client: TestClient) -> None:
    _, array, _ = unpack(client.post("/live/toy/small/halves", content=body([[1, 3]])).content)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, [[0.5, 1.5]])


@pytest.mark.parametrize(
    ("path", "content", "status", "words"),
    [
        ("toy/small/double", b"", 400, "header"),
        ("toy/small/double", b"GLV1", 400, "4 bytes"),
        ("toy/small/double", body([[1, 2]], magic=1), 400, "another version — reload"),
        ("toy/small/double", body([[1, 2]])[:-1], 400, "23 bytes, 1 × 2 values need 24"),
        ("toy/small/double", body([[1, 2]]) + b"\0" * 4, 400, "28 bytes"),
        ("toy/small/double", body(np.zeros((0, 2))), 400, "0 rows — send 1 to 400"),
        ("toy/small/double", body(np.zeros((3, 0))), 400, "3 × 0 values"),
        ("toy/small/double", body(np.zeros((401, 1))), 400, "401 rows — send 1 to 400"),
        ("toy/small/double", struct.pack("<4I", live.MAGIC, 0, 400, 2**32 - 1), 400, "16 bytes"),
        ("toy/small/double", body([[1, np.nan]]), 400, "NaN or infinity"),
        ("toy/small/double", body([[1, np.inf]]), 400, "NaN or infinity"),
        ("toy/small/double", b"\0" * (live.MAX_BYTES + 1), 413, "too long"),
        ("nobody/small/double", body([[1, 2]]), 400, "Unknown family 'nobody' — choose one of toy"),
        ("toy/huge/double", body([[1, 2]]), 400, "no checkpoint 'huge' — choose one of small"),
        ("toy/small/triple", body([[1, 2]]), 400, "Unknown operation 'triple' — use one of"),
        ("toy/small/refuse", body([[1, 2, 3]]), 400, "A code has 3 numbers — send 2."),
        ("toy/small/crash", body([[1, 2]]), 500, "crash failed unexpectedly"),
    ],
)
def test_bad_requests_get_words(
    client: TestClient, path: str, content: bytes, status: int, words: str
) -> None:
    reply = client.post(f"/live/{path}", content=content)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert words in error
    assert " — " in error
    assert "mat1" not in error  # what a bug says is for the log


def test_a_body_without_a_length_is_capped_too(client: TestClient) -> None:
    chunk = b"\0" * (1 << 20)
    reply = client.post("/live/toy/small/double", content=iter([chunk] * 3))
    assert "content-length" not in reply.request.headers
    assert reply.status_code == 413


def test_a_full_server_says_so_and_recovers(
    client: TestClient, loaded: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "IN_FLIGHT", 2)
    loaded.lock = threading.Semaphore(2)  # both inside at once
    app = FastAPI()
    live.mount(app)
    with TestClient(app) as small:
        slow = [
            threading.Thread(target=small.post, args=("/live/toy/small/hold",), kwargs=content)
            for content in [{"content": body([[1, 2]])}] * 2
        ]
        for thread in slow:
            thread.start()
        for _ in slow:
            assert loaded.entered.acquire(timeout=30)
        reply = small.post("/live/toy/small/double", content=body([[1, 2]]))
        assert reply.status_code == 503
        assert "busy" in reply.json()["error"]
        loaded.gate.set()
        for thread in slow:
            thread.join(30)
        assert small.post("/live/toy/small/double", content=body([[1, 2]])).status_code == 200


def test_the_thumbnail_is_made_once(client: TestClient, loaded: SimpleNamespace) -> None:
    for _ in range(2):
        reply = client.get("/live/thumb/toy")
        assert (reply.status_code, reply.content) == (200, PNG)
        assert reply.headers["content-type"] == "image/png"
    assert loaded.made == [1]
    missing = client.get("/live/thumb/nobody")
    assert missing.status_code == 404
    assert "choose one of toy" in missing.json()["error"]


def test_mounting_twice_changes_nothing_and_pages_stay(client: TestClient) -> None:
    before = list(client.app.router.routes)  # type: ignore[attr-defined]
    live.mount(client.app)  # type: ignore[arg-type]
    assert client.app.router.routes == before  # type: ignore[attr-defined]
    assert client.get("/live").json() == "a page"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"GIF89a", "image/gif"),
        (b"\n<svg xmlns=''>", "image/svg+xml"),
        (b"?", "application/octet-stream"),
    ],
)
def test_media_types(start: bytes, kind: str) -> None:
    assert live._media_type(start) == kind


def test_codes_survive_the_trip_to_the_map() -> None:
    from base64 import b64decode

    from genapp.ui.widgets.latent_pad.widget import DIGITS, pack_atlas

    rng = np.random.default_rng(0)
    codes, labels = rng.normal(0, 2, (300, 2)), np.r_[[255], rng.integers(0, 10, 299)]
    atlas = SimpleNamespace(codes=codes, labels=labels, box=np.array([[-4, -5], [4, 3]]))
    packed = pack_atlas(atlas, DIGITS)
    shares = np.frombuffer(b64decode(packed["codes"]), "<u2").reshape(-1, 2) / 65535 * 3 - 1
    low, high = np.array(packed["low"]), np.array(packed["high"])
    inside = np.abs(shares - 0.5) < 1.49
    back = low + shares * (high - low)
    assert np.abs(back - codes)[inside].max() < 8 * 3 / 65535
    assert list(b64decode(packed["labels"])) == labels.tolist()
