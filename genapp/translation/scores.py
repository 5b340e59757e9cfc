"""How good translations are: BLEU and chrF by sacrebleu, exact match, all by sentence length.

Both sides are compared in lower case with plain quotes, as the models write.
"""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from sacrebleu.metrics import BLEU, CHRF

from genapp.translation.vocab import normalise

BUCKETS = ((1, 4), (5, 6), (7, 8), (9, 11), (12, 999))  # words of the reference


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU, 0 to 100 (Papineni et al. 2002), with sacrebleu's own tokens."""
    return float(BLEU().corpus_score(list(translations), [_plain(references)]).score)


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """Corpus chrF2, 0 to 100 (Popović 2015)."""
    return float(CHRF().corpus_score(list(translations), [_plain(references)]).score)


def of_sentence(translation: str, reference: str) -> dict[str, float]:
    """BLEU (n-grams as long as the sentence has them) and chrF of one sentence."""
    said, meant = normalise(translation), [normalise(reference)]
    return {
        "bleu": float(BLEU(effective_order=True).sentence_score(said, meant).score),
        "chrf": float(CHRF().sentence_score(said, meant).score),
    }


def report(translations: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    """Everything the card shows of a held-out set."""
    lengths = [len(r.split()) for r in references]
    rows = []
    for low, high in BUCKETS:
        at = [i for i, n in enumerate(lengths) if low <= n <= high]
        if at:
            said, meant = [translations[i] for i in at], [references[i] for i in at]
            rows.append({"words": round(mean(lengths[i] for i in at), 2), "pairs": len(at),
                         "bleu": bleu(said, meant), "chrf": chrf(said, meant)})  # fmt: skip
    longest = sorted(range(len(lengths)), key=lambda i: -lengths[i])[: len(lengths) // 3]
    return {
        "bleu": bleu(translations, references),
        "chrf": chrf(translations, references),
        "exact_match": mean(t == r for t, r in zip(translations, _plain(references), strict=True)),
        "bleu_longest_third": bleu(
            [translations[i] for i in longest], [references[i] for i in longest]
        ),
        "test_pairs": len(references),
        "by_length": {f"{row['words']:g} words": row for row in rows},
    }


def _plain(references: Sequence[str]) -> list[str]:
    return [normalise(r) for r in references]
