"""The one door between page, HTTP API, command line and models.

``run`` and ``stream`` never raise for what a person can mend: they yield a :class:`Failure` whose
text says what happened and what to try. Models are cached by bytes, each with a lock of its own.
"""

import copy
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from genapp import checkpoints, registry, runtime
from genapp.errors import UserError
from genapp.spec import resolve, validate

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from genapp.attention import Maps
    from genapp.vectors import Words

log = logging.getLogger(__name__)

WORTH_A_GPU = 200_000_000  # bytes of weights; a smaller model is done before a GPU is lent
MOST_TEXTS, LONGEST_TEXT = 64, 2_000  # texts and characters of one call of vectors()


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a value. ``str`` is the message a person reads."""

    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(slots=True, kw_only=True)
class Loaded:
    """A model ready to run, with what its checkpoint brought along."""

    model: "nn.Module"
    meta: checkpoints.Meta
    files: dict[str, bytes]
    device: Any
    lock: threading.RLock = field(default_factory=threading.RLock)
    memo: dict[str, Any] = field(
        default_factory=dict
    )  # what a family derives once, e.g. a tokenizer

    @property
    def bytes(self) -> int:
        """Memory the weights take."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return sum(t.numel() * t.element_size() for t in tensors)


class Models:
    """Loads checkpoints on first use and keeps the most recent within ``budget`` bytes."""

    def __init__(self, budget: int = 2 << 30) -> None:
        self.budget = budget
        self._cache: OrderedDict[tuple[str, str, str], Loaded] = OrderedDict()
        self._stamp: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()
        self._loading: dict[tuple[str, str, str], threading.Lock] = {}

    def get(self, family: str, name: str, precision: runtime.Precision = "fp32") -> Loaded:
        """The model behind checkpoint ``name``; raises :class:`UserError` if there is none.

        A checkpoint that was replaced on disk is loaded afresh.
        """
        spec = registry.get(family)
        folder = checkpoints.get(family, name)
        key = (family, name, precision)
        stamp = (folder / checkpoints.META).stat().st_mtime
        with self._lock:
            gate = self._loading.setdefault(key, threading.Lock())
        with gate:
            with self._lock:
                if key in self._cache and self._stamp[key] == stamp:
                    self._cache.move_to_end(key)
                    return self._cache[key]
            loaded = _load(spec, folder, precision)
            with self._lock:
                self._cache[key], self._stamp[key] = loaded, stamp
                self._cache.move_to_end(key)
                while (
                    len(self._cache) > 1
                    and sum(m.bytes for m in self._cache.values()) > self.budget
                ):
                    dropped, _ = self._cache.popitem(last=False)
                    log.info("dropped %s from the model cache", "/".join(dropped))
            return loaded


def _load(spec: Any, folder: Any, precision: runtime.Precision) -> Loaded:
    import torch

    checkpoint = checkpoints.load(folder)
    try:
        model = resolve(spec.model)(checkpoint.meta.config)
        model.load_state_dict(checkpoint.tensors)  # fp16 on disk becomes the model's own dtype
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise UserError(
            f"Checkpoint {folder.name!r} doesn't fit {spec.title} ({str(error)[:200]})",
            "train or fetch it again.",
        ) from error
    device = torch.device("cpu") if precision == "int8" else runtime.best_device()
    model = runtime.at_precision(model.eval().requires_grad_(False).to(device), precision)
    return Loaded(model=model, meta=checkpoint.meta, files=checkpoint.files, device=device)


models = Models()


def stream(
    family: str, request: Any = None, cancel: threading.Event | None = None, **fields: Any
) -> Iterator[Any]:
    """Yields the family's frames for ``request`` (or for its request class filled from ``fields``).

    Stops between two frames once ``cancel`` is set or the iterator is closed. An error ends the
    stream with a :class:`Failure`.
    """
    try:
        spec = registry.get(family)
        if request is None:
            request = _request(spec.request, fields)
        request = validate(request)
        loaded = models.get(family, request.checkpoint, _precision(request))
        large = loaded.bytes >= WORTH_A_GPU and _precision(request) != "int8"
        lent = runtime.on_space() and large
        for frame in _on_lent_gpu(family, request) if lent else _frames(loaded, request):
            yield frame
            if cancel is not None and cancel.is_set():
                return
    except UserError as error:
        yield Failure(str(error))
    except MemoryError:
        yield Failure("The machine ran out of memory — ask for something smaller.")
    except Exception:
        log.exception("%s failed on %r", family, request)
        yield Failure(
            f"{family} failed unexpectedly — the log holds the details; try other settings."
        )


def _frames(loaded: Loaded, request: Any) -> Iterator[Any]:
    return resolve(registry.get(loaded.meta.family).generate)(loaded, request)  # type: ignore[no-any-return]


@runtime.gpu(duration=60)
def _on_lent_gpu(family: str, request: Any) -> Iterator[Any]:
    """:func:`_frames` on the GPU that a ZeroGPU Space lends to this call, in a process of its own:
    so what crosses over is the request, and the weights move inside."""
    loaded = models.get(family, request.checkpoint, _precision(request))
    device = runtime.lent_device()
    model = copy.deepcopy(loaded.model).to(device)
    yield from _frames(replace(loaded, model=model, device=device, memo={}), request)


def _precision(request: Any) -> runtime.Precision:
    return getattr(request, "precision", "fp32")


def _request(kind: type, fields: dict[str, Any]) -> Any:
    try:
        return kind(**fields)
    except TypeError as error:
        known = ", ".join(kind.__dataclass_fields__)  # type: ignore[attr-defined]
        raise UserError(str(error), f"give fields among {known}.") from None


def run(family: str, request: Any = None, **fields: Any) -> Any:
    """The last frame of :func:`stream`; raises :class:`UserError` instead of giving a Failure."""
    frame = None
    for frame in stream(family, request, **fields):  # noqa: B007 - the last one is wanted
        pass
    if isinstance(frame, Failure):
        raise UserError(*frame.message.split(" — ", 1))
    return frame


def live(family: str, checkpoint: str, op: str, values: "np.ndarray") -> "np.ndarray":
    """One call of the binary fast path: float32 (B, n) in, the op's array out, one at a time.

    Raises :class:`UserError` for an unknown op or values that are not finite.
    """
    import numpy as np

    spec = registry.get(family)
    if op not in spec.live:
        raise UserError(f"Unknown operation {op!r}", f"use one of {', '.join(spec.live)}.")
    if not np.isfinite(values).all():
        raise UserError("The request holds NaN or infinity", "send finite numbers.")
    loaded = models.get(family, checkpoint)
    with loaded.lock:
        return resolve(spec.live[op])(loaded, values)  # type: ignore[no-any-return]


def attention(
    family: str, checkpoint: str, text: str, options: "Mapping[str, Any] | None" = None
) -> "list[Maps]":
    """Where the model looks while it reads ``text``; ``options`` as the family documents them.

    Nothing is computed before a layer is asked for. Raises :class:`UserError` for a family that
    shows no attention and for whatever the family can't read.
    """
    spec = registry.get(family)
    if not spec.attention:
        able = [f.name for f in registry.all_families().values() if f.attention]
        raise UserError(f"{spec.title} shows no attention", f"choose one of {', '.join(able)}.")
    maps: list[Maps] = resolve(spec.attention)(models.get(family, checkpoint), text, options or {})
    return maps


def vectors(family: str, checkpoint: str, texts: "Sequence[str]") -> "list[Words]":
    """Each text's tokens as vectors, layer by layer; at most 64 texts of 2,000 characters.

    Raises :class:`UserError` for a family without vectors, an empty or a long text, and whatever
    the family can't read.
    """
    spec = registry.get(family)
    if not spec.vectors:
        able = [f.name for f in registry.all_families().values() if f.vectors]
        raise UserError(f"{spec.title} gives no vectors", f"choose one of {', '.join(able)}.")
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise UserError(f"There are {len(texts)} texts", f"give 1 to {MOST_TEXTS}.")
    if any(len(text) > LONGEST_TEXT for text in texts):
        raise UserError("A text is long", f"keep each to {LONGEST_TEXT:,} characters.")
    if not all(text.strip() for text in texts):
        raise UserError("A text is empty", "write a sentence.")
    loaded = models.get(family, checkpoint)
    with loaded.lock:
        return resolve(spec.vectors)(loaded, list(texts))  # type: ignore[no-any-return]
