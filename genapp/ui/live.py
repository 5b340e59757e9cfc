"""The binary fast path behind every control that is dragged: floats in, one raw array out.

A plain Starlette route beside Gradio's own. It skips Gradio's queue, image files and event stream
(41–90 ms an update) and costs about 0.6 ms on top of the model. In return it does for itself what
the queue would have done: it bounds the request, bounds how many run at once and answers in words.
``live.js`` is its client.

Request, little-endian: uint32 ``magic, seq, rows, columns``, then rows × columns float32.
Reply: uint32 ``magic, seq, dtype, ndim``, ndim × uint32 shape, float32 server milliseconds, then
the array's bytes. An error is JSON ``{"error": "what happened — what to try"}``.
"""

import logging
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import numpy as np
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from genapp import registry, service
from genapp.errors import UserError
from genapp.spec import resolve
from genapp.ui import live_attention

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

NAME = "genapp-live"
MAGIC = 0x31564C47  # the bytes "GLV1"
HEADER = 16  # bytes
MAX_ROWS = 400  # a 20 × 20 mosaic
MAX_BYTES = 2 << 20  # 400 pictures of 28 × 28 as float32 are 1.25 MB
IN_FLIGHT = 32  # eight visitors with four requests each; beyond that, ask them to wait
DTYPES = ("uint8", "uint16", "int32", "float32")  # a reply's dtype is an index into these


def mount(app: "FastAPI") -> None:
    """Adds the live routes to a launched app; a second call changes nothing.

    They go first: nothing can shadow them, and a request per frame need not be matched against
    every page. Behind a prefix they live below it, as all of the app does.
    """
    if any(getattr(route, "name", "") == NAME for route in app.router.routes):
        return
    models, passes = _Live(service.live), _Live(live_attention.answer)
    app.router.routes[:0] = [
        Route("/live/attention/{key}/{op}", passes.answer, methods=["POST"], name="genapp-look"),
        Route("/live/{family}/{checkpoint}/{op}", models.answer, methods=["POST"], name=NAME),
        Route("/live/thumb/{family}", _Thumbs().answer, methods=["GET"], name="genapp-thumb"),
    ]


@cache
def head() -> str:
    """The ``<script>`` for ``launch(head=…)``; a second copy on the same page does nothing."""
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return f"<script>{script}</script>"


class _Live:
    """POST /live/…/{op}: ``run`` gets the path's names and the values, and gives an array."""

    def __init__(self, run: Callable[..., np.ndarray]) -> None:
        self.run = run
        self.threads = CapacityLimiter(IN_FLIGHT)

    async def answer(self, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _refusal(f"The request is too long — send at most {MAX_BYTES:,} bytes.", 413)
        try:
            seq, values = _parse(body)
        except UserError as error:
            return _refusal(error)
        if not self.threads.available_tokens:
            return _refusal("The server is busy — wait a moment, then try again.", 503)
        call = partial(_call, self.run, request.path_params, seq, values)
        return await anyio.to_thread.run_sync(call, limiter=self.threads)


class _Thumbs:
    """GET /live/thumb/{family}: made once, one at a time, since each may load a model."""

    def __init__(self) -> None:
        self.threads = CapacityLimiter(1)
        self.made: dict[str, bytes] = {}

    async def answer(self, request: Request) -> Response:
        family = request.path_params["family"]
        try:
            image = await anyio.to_thread.run_sync(self._thumbnail, family, limiter=self.threads)
        except UserError as error:
            return _refusal(error, 404)
        except Exception:
            log.exception("the thumbnail of %s failed", family)
            return _refusal(f"No thumbnail of {family} — the log holds the details.", 500)
        return Response(image, 200, {"Cache-Control": "max-age=600"}, _media_type(image))

    def _thumbnail(self, family: str) -> bytes:
        if family not in self.made:
            spec = registry.get(family)
            load = partial(service.models.get, family)
            self.made[family] = resolve(spec.thumbnail)(load)
        return self.made[family]


async def _body(request: Request) -> bytearray | None:
    """The whole body, or None past the cap; read no further even if the length header lies."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_BYTES:
        return None
    body = bytearray()  # unlike bytes, gives an array torch may write to
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            return None
    return body


def _parse(body: bytearray) -> tuple[int, np.ndarray]:
    """``(seq, values (rows, columns))``; raises :class:`UserError` if the bytes disagree."""
    if len(body) < HEADER:
        raise UserError(
            f"The request has {len(body)} bytes", f"start it with a {HEADER}-byte header."
        )
    magic, seq, rows, columns = (int(v) for v in np.frombuffer(body, "<u4", 4))
    if magic != MAGIC:
        raise UserError("The request is of another version", "reload the page.")
    if not 1 <= rows <= MAX_ROWS:
        raise UserError(f"The request has {rows:,} rows", f"send 1 to {MAX_ROWS}.")
    needed = HEADER + 4 * rows * columns
    if not columns or len(body) != needed:
        raise UserError(
            f"The request has {len(body):,} bytes, {rows} × {columns} values need {needed:,}",
            "send as many float32 values as the header says.",
        )
    return seq, np.frombuffer(body, "<f4", offset=HEADER).reshape(rows, columns)


def _call(
    run: Callable[..., np.ndarray], names: Mapping[str, str], seq: int, values: np.ndarray
) -> Response:
    """Runs in a worker thread."""
    start = time.perf_counter()
    try:
        array = run(**names, values=values)
    except UserError as error:
        return _refusal(error)
    except MemoryError:
        return _refusal("The machine ran out of memory — ask for fewer rows.", 503)
    except Exception:
        log.exception("%s failed on %s", "/".join(names.values()), values.shape)
        words = f"{names['op']} failed unexpectedly — the log holds the details; try other values."
        return _refusal(words, 500)
    ms = 1e3 * (time.perf_counter() - start)
    return Response(_pack(seq, array, ms), media_type="application/x-genapp")


def _pack(seq: int, array: Any, ms: float) -> bytes:
    """The reply's bytes. dtypes outside ``DTYPES`` become float32."""
    array = np.ascontiguousarray(array)
    if array.dtype.name not in DTYPES:
        array = array.astype(np.float32)
    shape = array.shape
    start = np.array([MAGIC, seq, DTYPES.index(array.dtype.name), len(shape), *shape], "<u4")
    return start.tobytes() + np.float32(ms).tobytes() + array.tobytes()


def _refusal(words: object, status: int = 400) -> Response:
    return JSONResponse({"error": str(words)}, status)


def _media_type(image: bytes) -> str:
    """From the first bytes, so that a family may make any picture a browser shows."""
    if image.startswith(b"\x89PNG"):
        return "image/png"
    if image.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    if image.startswith(b"GIF8"):
        return "image/gif"
    if image.lstrip()[:5] in (b"<svg ", b"<?xml"):
        return "image/svg+xml"
    return "application/octet-stream"
