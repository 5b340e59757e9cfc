"""The attention viewer's side of the live path: one layer, one row, one picture at a time.

Handlers put a pass on the shelf with :func:`keep` and hand its opaque key to the widget, which
asks for what it draws at ``POST /live/attention/{key}/{op}``, in ``live.py``'s own format. A layer
travels as one byte a weight; the row under the pointer follows in float32. The shelf is bounded
by bytes: an old pass falls off, and the widget says so.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genapp import attention_flow as flows
from genapp import attention_joint as joint
from genapp.attention import Maps
from genapp.errors import UserError

BUDGET = 768 << 20  # bytes that passes on the shelf may come to hold
MOST = 200  # passes; a small model's come to 1 MB each
KEPT = 6  # layers of weights a pass is taken to keep
THUMB = (8, 64)  # smallest and largest side of a thumbnail
HOWS: tuple[flows.How, ...] = ("mean", "max", "min")
PAIRS = 24  # lines of a joint map
MIXED = {-1: "mean", -2: "max"}  # in place of a head
EDGES = [0.0, 1, 2, 4, 8, 16, 32, 64]  # of the distance histogram


@dataclass(slots=True)
class Kept:
    """A pass on the shelf and what was derived from it."""

    maps: Sequence[Maps]
    memo: dict[Any, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bytes(self) -> int:
        """What its weights may come to, float32."""
        sizes = (
            4 * min(m.layers, KEPT) * m.heads * len(m.queries.tokens) * len(m.keys.tokens)
            for m in self.maps
        )
        return sum(sizes)


class Shelf:
    """The most recent passes, by opaque key."""

    def __init__(self, budget: int = BUDGET, most: int = MOST) -> None:
        self.budget, self.most = budget, most
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, maps: Sequence[Maps]) -> str:
        """Puts a pass on the shelf; older ones fall off when it is full."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[key] = Kept(maps)
            while len(self._kept) > 1 and (
                len(self._kept) > self.most
                or sum(k.bytes for k in self._kept.values()) > self.budget
            ):
                self._kept.popitem(last=False)
        return key

    def get(self, key: str) -> Kept:
        """The pass behind ``key``; raises :class:`UserError` once it has fallen off."""
        with self._lock:
            if key not in self._kept:
                raise UserError(
                    "This picture has left the server's memory", "press Draw to make it again."
                )
            self._kept.move_to_end(key)
            return self._kept[key]


shelf = Shelf()
_ahead = ThreadPoolExecutor(2, "attention")


def keep(maps: Sequence[Maps]) -> str:
    """Puts a pass on the shelf. It begins at once, while its key is still on its way."""
    for one in maps:
        if one.begin is not None:
            _ahead.submit(one.begin)
    return shelf.keep(maps)


def answer(key: str, op: str, values: np.ndarray) -> np.ndarray:
    """One request: ``values`` (1, n) are the operation's numbers, the map's index first.

    Raises :class:`UserError` for an unknown operation or a place the pass hasn't got.
    """
    if op not in OPS:
        raise UserError(f"Unknown operation {op[:20]!r}", f"use one of {', '.join(OPS)}.")
    numbers = values.reshape(-1)
    function, count = OPS[op]
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise UserError(f"{op} got {len(numbers)} numbers", f"send {count} finite ones.")
    kept = shelf.get(key)
    at = _index(numbers[0], len(kept.maps), "map")
    with kept.lock:
        return function(kept, at, *(float(n) for n in numbers[1:]))


def _layer(kept: Kept, at: int, layer: float) -> np.ndarray:
    """uint8 (H, Tq, Tk)"""
    return flows.quantise(_weights(kept.maps[at], layer))


def _thumbs(kept: Kept, at: int, layer: float, side: float) -> np.ndarray:
    """uint8 (H, ≤ side, ≤ side): every head of a layer, small."""
    most = int(min(max(side, THUMB[0]), THUMB[1]))
    return flows.quantise(flows.shrink(_weights(kept.maps[at], layer), most))


def _row(kept: Kept, at: int, layer: float, head: float, query: float) -> np.ndarray:
    """float32 (n, Tk): the weights of one query last, before them the steps that led there.

    Head −1 is the mean of all heads, −2 their largest weight; neither has steps.
    """
    maps = kept.maps[at]
    row = _index(query, len(maps.queries.tokens), "token")
    A = _weights(maps, layer)[:, row]  # (H, Tk)
    if (mix := MIXED.get(int(head))) is not None:
        return flows.joined(A[:, None], mix).astype(np.float32)  # type: ignore[arg-type]
    one = _index(head, maps.heads, "head")
    if maps.steps is None:
        return A[one][None].astype(np.float32)
    return np.vstack([maps.steps(int(layer), one, row), A[one]]).astype(np.float32)


def _stats(kept: Kept, at: int, layer: float) -> np.ndarray:
    """float32 (H, 3 + 8): entropy in nats, mean distance, share to specials; distance histogram."""
    maps, A = kept.maps[at], _weights(kept.maps[at], layer)
    D = flows.distances(maps.queries.where(), maps.keys.where())
    special = np.array([kind in ("special", "pad") for kind in maps.keys.kinds])
    columns = [flows.entropy(A), flows.reach(A, D), flows.share_to(A, special)]
    return np.concatenate([np.stack(columns, 1), flows.distance_shares(A, D, EDGES)], 1).astype(
        np.float32
    )


def _rollout(kept: Kept, at: int, layer: float, how: float, discard: float) -> np.ndarray:
    """uint8 (1, T, T): what has reached each token through layers 0…``layer``."""
    maps = _square(kept.maps[at])
    name = HOWS[_index(how, len(HOWS), "way to join heads")]
    share = round(min(max(discard, 0.0), 0.95), 2)
    depth = _index(layer, maps.layers, "layer")
    chains = kept.memo.setdefault((at, "rollout"), {})
    if (name, share) not in chains:
        chains.clear()  # a slider of shares must not fill the memory
        chains[name, share] = flows.Chain(maps.layer, name, share)
    return flows.quantise(chains[name, share].through(depth))[None]


def _flow(kept: Kept, at: int, layer: float) -> np.ndarray:
    """uint8 (1, T, T): the largest flow through layers 0…``layer``."""
    maps = _square(kept.maps[at])
    if (T := len(maps.queries.tokens)) > flows.FLOW_TOKENS:
        raise UserError(f"{T} tokens are too many for flow", f"give {flows.FLOW_TOKENS} or fewer.")
    depth = _index(layer, maps.layers, "layer")
    if (at, "flow", depth) not in kept.memo:
        layers = [maps.layer(i) for i in range(depth + 1)]
        kept.memo[at, "flow", depth] = flows.quantise(flows.flow(layers))[None]
    made: np.ndarray = kept.memo[at, "flow", depth]
    return made


def _joint(kept: Kept, at: int, layer: float, head: float) -> np.ndarray:
    """float32 (1 + Tq + Tk + pairs, 3): the share of variance shown; each query's and each key's
    place; the strongest pairs as query, key, weight."""
    maps, T = kept.maps[at], len(kept.maps[at].queries.tokens)
    if maps.vectors is None:
        raise UserError("This model's queries and keys are not at hand", "choose a ViT.")
    where = _index(layer, maps.layers, "layer"), _index(head, maps.heads, "head")
    both = maps.vectors(*where)
    found = joint.plane(both[:T], both[T:])
    places = np.concatenate([found.queries, found.keys])
    places = np.pad(places, ((0, 0), (0, 1)))
    pairs = joint.strongest(maps.layer(where[0])[where[1]], PAIRS)
    return np.concatenate([[[found.share, 0, 0]], places, pairs]).astype(np.float32)


def _occlude(kept: Kept, at: int) -> np.ndarray:
    """float32 (Tk,): what covering each patch takes from the answer's log-probability, in nats."""
    ask = kept.maps[at].occlude
    if ask is None:
        raise UserError("Nothing of this can be covered", "choose a model that looks at pictures.")
    if (at, "occlude") not in kept.memo:
        kept.memo[at, "occlude"] = ask()
    made: np.ndarray = kept.memo[at, "occlude"]
    return made


def _gradient(kept: Kept, at: int, layer: float, query: float) -> np.ndarray:
    """uint8 (1, T, T): rollout through layers 0…``layer`` of weights that count by their gradient.

    The gradient is that of the likeliest answer at ``query``.
    """
    maps = _square(kept.maps[at])
    if maps.gradient is None:
        raise UserError("This model gives no gradients", "choose rollout.")
    depth = _index(layer, maps.layers, "layer")
    row = _index(query, len(maps.queries.tokens), "token")
    if (name := (at, "gradient")) not in kept.memo or kept.memo[name][0] != row:
        found = maps.gradient(row, -1)
        R: list[np.ndarray] = []
        for i, G in enumerate(found):
            A = flows.weighted(maps.layer(i), G)
            R.append(flows.roll(R[-1] if R else None, A).astype(np.float32))
        kept.memo[name] = row, R  # of one query: moving on must not fill the memory
    return flows.quantise(kept.memo[name][1][depth])[None]


OPS: dict[str, tuple[Callable[..., np.ndarray], int]] = {
    "layer": (_layer, 2),
    "thumbs": (_thumbs, 3),
    "row": (_row, 4),
    "stats": (_stats, 2),
    "rollout": (_rollout, 4),
    "flow": (_flow, 2),
    "joint": (_joint, 3),
    "occlude": (_occlude, 1),
    "gradient": (_gradient, 3),
}


def _weights(maps: Maps, layer: float) -> np.ndarray:
    return maps.layer(_index(layer, maps.layers, "layer"))


def _square(maps: Maps) -> Maps:
    if not maps.square:
        raise UserError("Queries and keys are different tokens", "choose a self-attention map.")
    return maps


def _index(value: float, count: int, what: str) -> int:
    if not (value == int(value) and 0 <= value < count):
        raise UserError(f"There is no {what} {value:g}", f"give 0 to {count - 1}.")
    return int(value)
