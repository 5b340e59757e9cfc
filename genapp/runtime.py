"""Device, threads and precision, decided once; the only file that asks what the machine can do."""

import functools
import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from torch import device, nn

log = logging.getLogger(__name__)
Precision = Literal["fp32", "bf16", "int8"]
F = TypeVar("F", bound=Callable[..., Any])


def on_space() -> bool:
    """Whether this is a ZeroGPU Space, where a GPU exists only inside decorated calls."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in {"1", "t", "true"}


def configure() -> None:
    """Called once by an entry point, before anything else is imported."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    if on_space():
        import spaces  # noqa: F401 - must come before torch


def warm_up() -> None:
    """Imports torch in the background, so that the first visitor does not wait for it."""
    threading.Thread(target=best_device, name="torch-warm-up", daemon=True).start()


@functools.cache
def best_device() -> "device":
    """CUDA, then MPS, then CPU. Importing torch here sets its thread count, once."""
    import torch

    if threads := int(os.environ.get("GENAPP_THREADS", "0")):
        torch.set_num_threads(threads)
    if torch.cuda.is_available() and not on_space():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def gpu(duration: int = 60) -> Callable[[F], F]:
    """Runs the decorated handler on a ZeroGPU Space's GPU for up to ``duration`` seconds.

    Anywhere else it returns the function as it was.
    """

    def decorate(function: F) -> F:
        if not on_space():
            return function
        import spaces

        return spaces.GPU(duration=duration)(function)  # type: ignore[no-any-return]

    return decorate


def lent_device() -> "device":
    """The device inside a :func:`gpu` call."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def has_fast_bf16() -> bool:
    """Whether bfloat16 arithmetic is in the hardware (AVX-512 BF16, AMX or a GPU)."""
    import torch

    if best_device().type == "cuda":
        return torch.cuda.is_bf16_supported()
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return best_device().type == "cpu" and bool(supported())


def at_precision(model: "nn.Module", precision: Precision) -> "nn.Module":
    """``model`` for inference at ``precision``; int8 quantises the weights of its linear layers.

    fp32 and bf16 convert in place, int8 returns a copy on the CPU.
    """
    import torch

    if precision == "int8":
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces a successor
            return torch.ao.quantization.quantize_dynamic(  # type: ignore[no-any-return]
                model.float().cpu(), {torch.nn.Linear}, dtype=torch.qint8
            )
    return model.to(torch.bfloat16 if precision == "bf16" else torch.float32)
