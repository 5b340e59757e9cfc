"""Reads a run's rows as an old hand would, and says in words what goes wrong and what to try."""

import math
from collections.abc import Mapping, Sequence

Row = Mapping[str, float]

GAP = 0.30  # validation loss this share above training loss: the model learns by heart
STALL = 12  # evaluations without a new best
LEAST = 4  # evaluations before anything is said of over-fitting


def advice(rows: Sequence[Row], config: Mapping[str, object] | None = None) -> list[str]:
    """What is wrong with the run so far, worst first; empty when it looks well.

    ``config`` is the model's: a VAE's number of latent dimensions is read from it.
    """
    collapse = _collapsed(rows, config or {}) or _dead_codes(rows)
    found = (_diverging(rows), collapse, _overfit(rows), _stalled(rows))
    return [words for words in found if words]


def _diverging(rows: Sequence[Row]) -> str:
    losses = _values(rows, "loss")
    if any(not math.isfinite(v) for v in losses):
        return "Diverged: the loss is no longer a number — resume with a tenth of the rate."
    if len(losses) < 30:
        return ""
    stretches = [_mean(losses[i : i + 10]) for i in range(0, len(losses) - 9, 5)]
    start, best, now = stretches[0], min(stretches), _mean(losses[-10:])
    if now > best + 0.5 * (start - best) and now > best + 0.5 * abs(best):
        return (
            f"Diverging: the loss rose from {best:.3g} back to {now:.3g}"
            " — stop, and resume with a third of the rate."
        )
    return ""


def _collapsed(rows: Sequence[Row], config: Mapping[str, object]) -> str:
    """A VAE whose code carries nothing: active dimensions < 2 or KL < 0.05 nats a dimension."""
    if not any("kl" in row or "val_kl" in row for row in rows) or rows[-1].get("step", 0) < 100:
        return ""
    size = _latent_size(config)
    active = _last(rows, "active", "val_active")
    if active is not None and active < min(2, size or 2):
        return (
            f"Collapse: only {active:g} latent dimension(s) carry anything"
            " — lower the weight of the KL term, or warm it up over the first epochs."
        )
    kl = _last(rows, "val_kl", "kl")
    if kl is not None and size and kl < 0.05 * size:
        return (
            f"Collapse: the KL term is {kl:.2g} nats over {size} dimensions, so the decoder ignores"
            " the code — lower the weight of the KL term."
        )
    return ""


def _dead_codes(rows: Sequence[Row]) -> str:
    dead = _last(rows, "dead", "val_dead")  # share of a codebook that no picture uses
    if dead is None or dead <= 0.5 or rows[-1].get("step", 0) < 100:
        return ""
    return (
        f"Collapse: {dead:.0%} of the codebook is never used"
        " — reset dead codes to encodings of the batch, or take a smaller codebook."
    )


def _overfit(rows: Sequence[Row]) -> str:
    """Over the last evaluations, validation well above training and no longer falling."""
    val, train = _values(rows, "val_loss"), _values(rows, "loss")
    if len(val) < LEAST or not train:
        return ""
    recent = _mean(train[-20:])
    rising = val[-1] > min(val)
    if recent > 0 and rising and val[-1] > (1 + GAP) * recent:
        return (
            f"Over-fitting: validation loss {val[-1]:.3g} is {val[-1] / recent - 1:.0%} above"
            f" training loss {recent:.3g} and past its best — the best checkpoint is kept;"
            " more data, dropout or a smaller model would help."
        )
    return ""


def _stalled(rows: Sequence[Row]) -> str:
    val = _values(rows, "val_loss")
    curve, name = (val, "validation loss") if len(val) > STALL else ([], "")
    if not curve and len(losses := _values(rows, "loss")) >= 200:
        size = len(losses) // 20  # twenty stretches of the run
        curve, name = [_mean(losses[i : i + size]) for i in range(0, 20 * size, size)], "loss"
    if len(curve) <= STALL:
        return ""
    before, after = min(curve[:-STALL]), min(curve[-STALL:])
    if after > before - 0.001 * abs(before):
        return (
            f"Stalled: the {name} has not improved on {before:.4g} for a while"
            " — it may be done; otherwise change the rate or take a larger model."
        )
    return ""


def _values(rows: Sequence[Row], name: str) -> list[float]:
    return [row[name] for row in rows if name in row]


def _last(rows: Sequence[Row], *names: str) -> float | None:
    for row in reversed(rows):
        for name in names:
            if name in row:
                return row[name]
    return None


def _latent_size(config: Mapping[str, object]) -> int:
    for name in ("latent", "latent_dim", "z", "z_dim", "d", "code"):
        value = config.get(name)
        if isinstance(value, int):
            return value
    return 0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
