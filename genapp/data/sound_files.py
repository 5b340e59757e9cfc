"""Sound files and recordings as one channel of samples at the rate a model wants.

A file's own rate is read from its header and the samples are resampled: 44.1 kHz samples taken for
16 kHz ones would play 2.76 times too slowly and an octave and a half too low.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genapp.errors import UserError

SECONDS = 10.0  # of a file that are used
SHORTEST = 0.1  # seconds
MAX_BYTES = 20 << 20
QUIET = 1e-4  # of full scale: below this loudest sample a file is called silent
RATES = (4_000, 384_000)  # Hz
FORMATS = "save it as WAV, FLAC, OGG or MP3."

Wave = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recording:
    """A file's samples at the wanted rate, and what it was."""

    samples: Wave  # (n,)
    file_rate: int  # Hz
    file_seconds: float
    used_seconds: float


def load(path: Path | str, rate: int) -> Recording:
    """The first ten seconds of a sound file as one channel at ``rate`` Hz.

    Raises :class:`UserError` for a file that is missing, too large, no sound, empty, silent or
    holds values that are not numbers.
    """
    import soundfile

    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError:
        raise UserError("The sound file is gone", "upload it again.") from None
    if size > MAX_BYTES:
        raise UserError(f"The file has {size / 2**20:.0f} MB", "give at most 20 MB.")
    if not size:
        raise UserError("The file is empty", "record or upload it again.")
    try:
        with soundfile.SoundFile(path) as file:
            own_rate, frames = int(file.samplerate), int(file.frames)
            if not RATES[0] <= own_rate <= RATES[1]:
                raise UserError(
                    f"The file's rate is {own_rate:,} Hz", f"give {RATES[0]:,} to {RATES[1]:,} Hz."
                )
            block = file.read(math.ceil(SECONDS * own_rate), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:
        raise UserError(f"{path.name[:60]} can't be read as sound", FORMATS) from error
    samples = resample(checked(block.mean(1), own_rate), own_rate, rate)
    return Recording(samples, own_rate, frames / own_rate, len(block) / own_rate)


def checked(samples: Wave, rate: int) -> Wave:
    """The same samples; :class:`UserError` if they are too few, silent or not numbers."""
    if not np.isfinite(samples).all():
        raise UserError("The sound holds NaN or infinity", "export it again as 16-bit WAV.")
    if len(samples) < SHORTEST * rate:
        raise UserError(f"The sound lasts {len(samples) / rate:.2f} s", "give at least 0.1 s.")
    if np.abs(samples).max() < QUIET:
        raise UserError("The sound is silent", "record again, closer to the microphone.")
    return samples


def resample(samples: Wave, own_rate: int, rate: int) -> Wave:
    """Band-limited resampling by a polyphase filter."""
    if own_rate == rate:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(own_rate, rate)
    return resample_poly(samples, rate // common, own_rate // common).astype(np.float32)  # type: ignore[no-any-return]


def wav(samples: Wave, rate: int) -> bytes:
    """16-bit WAV."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, np.clip(samples, -1, 1), rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
