"""What a model hands to the attention viewer: who looks at whom, layer by layer, on demand.

The names of this file are the contract between a family and the viewer. A family's ``attention``
is ``(loaded, text, options) -> list[Maps]``; an encoder–decoder gives several. ``options`` is a
plain mapping, read by :func:`changes`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from genapp.errors import UserError

KINDS = ("word", "special", "pad", "patch")
MASKS = ("causal", "self", "pair", "cross", "alignment")
ATTRIBUTIONS = {  # method → its name
    "gradient": "Gradient × input",
    "occlusion": "Occlusion",
    "integrated": "Integrated gradients",
}
MOST = 4_000  # changes of one kind; GPT-2 XL has 1,200 heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The tokens along one side of a map: words, or the patches of a picture."""

    tokens: tuple[str, ...]
    kinds: tuple[str, ...] = ()  # of ``KINDS``; all words if left out
    grid: tuple[int, int] | None = None  # rows and columns of the patches, in reading order
    image: bytes = b""  # PNG, JPEG or WebP the patches lie on

    def __post_init__(self) -> None:
        if not self.tokens:
            raise ValueError("tokens is empty: give one or more")
        if not self.kinds:
            object.__setattr__(self, "kinds", ("word",) * len(self.tokens))
        if len(self.kinds) != len(self.tokens):
            raise ValueError(f"{len(self.kinds)} kinds for {len(self.tokens)} tokens")
        if strange := set(self.kinds) - set(KINDS):
            raise ValueError(f"kinds has {sorted(strange)}: choose among {', '.join(KINDS)}")
        patches = self.kinds.count("patch")
        if self.grid is not None and self.grid[0] * self.grid[1] != patches:
            raise ValueError(f"grid {self.grid} holds other than the {patches} patches")

    def where(self) -> np.ndarray:
        """Places (T, 2): a word's position, a patch's row and column; what is neither is NaN."""
        kinds = np.array(self.kinds)
        places = np.full((len(self.tokens), 2), np.nan)
        if self.grid is None:
            places[:, 0], places[:, 1] = np.arange(len(self.tokens)), 0
        else:
            patch = np.arange(int((kinds == "patch").sum()))
            places[kinds == "patch"] = np.stack(divmod(patch, self.grid[1]), 1)
        return places


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """What the model would say at a position, read at every depth: the logit lens."""

    logp: Callable[[int], np.ndarray]  # query → float32 (layers + 1, V); the last row is the output
    name: Callable[[int], str]  # id → text
    ask: str = "What comes after"  # the question, in front of the position's token
    at: int = -1  # the position that is asked about first; −1: the last


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """A log-probability shared out among the inputs."""

    values: np.ndarray  # float32 (Tk,): what each token adds, in nats
    target: int  # id whose log-probability it is, for ``Readout.name``
    logp: float
    gap: float  # logp minus what it is when no token has any content

    def longer(self, tokens: int) -> "Attribution":
        """The same for ``tokens`` tokens, of which the last ones add nothing."""
        padding = (0, tokens - len(self.values))
        return replace(self, values=np.pad(self.values, padding).astype(np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """Every attention weight of one pass, computed when asked for.

    ``layer(l)`` gives float32 (H, Tq, Tk) whose rows sum to 1. ``steps(l, h, q)`` gives float32
    (3, Tk): the query's scores q·k, scaled by 1/√d, and masked (−∞ where it may not look).
    ``vectors(l, h)`` gives float32 (Tq + Tk, D): the head's queries, then its keys. ``occlude()``
    gives float32 (Tk,): what covering each patch takes from the answer's log-probability.
    ``gradient(q, target)`` gives one float32 (H, Tq, Tk) a layer: the gradient, by that layer's
    weights, of the log-probability of ``target`` (−1: the likeliest) at query q.
    ``attribute(method, q)`` shares the likeliest answer at q out among the keys.
    """

    queries: Side
    keys: Side
    kind: str  # of ``MASKS``
    title: str  # architecture and mask in words
    layers: int
    heads: int
    layer: Callable[[int], np.ndarray]
    split: int = 0  # of a pair: where sentence B begins
    steps: Callable[[int, int, int], np.ndarray] | None = None
    vectors: Callable[[int, int], np.ndarray] | None = None
    occlude: Callable[[], np.ndarray] | None = None
    readout: Readout | None = None
    gradient: Callable[[int, int], list[np.ndarray]] | None = None
    attribute: Callable[[str, int], Attribution] | None = None
    begin: Callable[[], object] | None = None  # does ahead what every layer will need
    origins: tuple[int, ...] = ()  # of each query: its place before any swap
    key_origins: tuple[int, ...] = ()  # of each key, where keys are other tokens than queries
    first: int = 0  # of these layers, as ``ablate`` counts them over all maps of a pass
    notice: str = ""

    def __post_init__(self) -> None:
        if self.kind not in MASKS:
            raise ValueError(f"kind is {self.kind!r}: choose one of {', '.join(MASKS)}")
        if self.layers < 1 or self.heads < 1:
            raise ValueError(f"{self.layers} layers of {self.heads} heads: give 1 or more of each")

    @property
    def square(self) -> bool:
        """Whether tokens look at themselves, so that layers can be chained."""
        return self.kind in ("causal", "self", "pair") and self.queries.tokens == self.keys.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a person does to a model's pass. Positions count the tokens before any swap."""

    hide: tuple[int, ...] = ()  # tokens masked in the family's own way
    swap: Mapping[int, str] = field(default_factory=dict)  # position → the text to put there
    ablate: tuple[tuple[int, int], ...] = ()  # (layer, head) whose output is zero

    def of_layer(self, layer: int) -> list[int]:
        """The silent heads of ``layer``."""
        return [h for at, h in self.ablate if at == layer]


def changes(options: Mapping[str, Any], tokens: int, layers: int, heads: int) -> Changes:
    """The interventions among ``options``: ``hide`` [position, …], ``swap`` {position: text} and
    ``ablate`` [[layer, head], …].

    Raises :class:`UserError` for a place that this pass hasn't got.
    """
    hide = {_within(i, tokens, "token") for i in _sequence(options.get("hide"))}
    swap = options.get("swap") or {}
    if not isinstance(swap, Mapping) or not all(isinstance(t, str) for t in swap.values()):
        raise UserError("The swaps can't be read", "give {position: text}.")
    if any(len(text) > 80 for text in swap.values()):
        raise UserError("A swapped-in text is long", "keep it to 80 characters.")
    pairs = [_pair(p) for p in _sequence(options.get("ablate"))]
    ablate = {(_within(at, layers, "layer"), _within(h, heads, "head")) for at, h in pairs}
    return Changes(
        hide=tuple(sorted(hide)),
        swap={_within(i, tokens, "token"): text for i, text in swap.items()},
        ablate=tuple(sorted(ablate)),
    )


def _sequence(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MOST:
        raise UserError("The changes can't be read", "give lists of positions.")
    return value


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise UserError("A silent head can't be read", "give [layer, head].")
    return value[0], value[1]


def _within(value: Any, count: int, what: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise UserError(
            f"{what} {str(value)[:20]!r} is no number", "give a whole number."
        ) from None
    if not 0 <= number < count:
        raise UserError(f"There is no {what} {number}", f"give 0 to {count - 1}.")
    return number
