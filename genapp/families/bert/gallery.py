"""Held-out sentences that travel with a checkpoint, so that a page without data has some to show.

Only from texts that are in the public domain: others may be learned from, but not handed on.
"""

import itertools
import json
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from genapp.families.bert import sentences

OPEN = ("fable", "tale", "scripture", "text")  # "text": what every machine has, or one's own
PAIRS = 60
EACH = 12  # sentences around a word
WORDS = (
    "water", "light", "hand", "kind", "left", "well", "rose", "bear", "saw", "still", "rest",
    "fair", "present", "head", "lie", "like", "right", "second", "stand", "found",
)  # fmt: skip


def gallery(held: Mapping[str, Sequence[str]], seed: int = 0) -> bytes:
    """``held_out.json``: ``pairs`` of consecutive sentences, and by word the ``contexts`` in which
    it stands. ``held`` are whole documents by style."""
    rng = random.Random(seed)
    pairs: list[list[str]] = []
    contexts: dict[str, list[str]] = defaultdict(list)
    for style, documents in held.items():
        if style not in OPEN:
            continue
        cut = [sentences.split(document) for document in documents]
        found = [[a, b] for d in cut for a, b in itertools.pairwise(d) if _fits(a, b)]
        pairs += rng.sample(found, min(PAIRS // 3, len(found)))
        for sentence in (s for d in cut for s in d if _fits(s)):
            for word in set(re.findall(r"[a-z]+", sentence.lower())) & set(WORDS):
                contexts[word].append(sentence)
    rng.shuffle(pairs)
    chosen = {w: rng.sample(s, min(EACH, len(s))) for w, s in sorted(contexts.items())}
    made = {"pairs": pairs, "contexts": {w: s for w, s in chosen.items() if len(s) > 2}}
    return json.dumps(made, ensure_ascii=False).encode()


def _fits(*chosen: str) -> bool:
    """Neither a heading nor a page-long sentence."""
    return all(30 <= len(s) <= 160 and s[-1] in ".!?\"'”’" for s in chosen)
