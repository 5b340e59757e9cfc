"""Where a transformer's parameters sit, part by part, for known models and for one's own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A transformer as its sizes. ``ValueError`` for widths that heads can't share."""

    encoder: int = 0  # layers without cross-attention: also a GPT's decoder layers
    decoder: int = 0  # layers with cross-attention
    d: int = 512
    heads: int = 8
    ffn: int = 2048
    vocab: int = 0
    positions: int = 0  # learned position vectors per stack; 0 where they are sines
    segments: int = 0
    embedding_norm: bool = False  # one per stack
    final_norm: bool = False  # after the last layer of each stack
    pooler: bool = False
    attention_bias: bool = True
    output_projection: bool = True  # W_O
    tied: bool = True  # the output layer is the token table

    def __post_init__(self) -> None:
        if self.d % self.heads:
            raise ValueError(f"width {self.d} does not divide into {self.heads} heads")


def attention(d: int, bias: bool = True, output_projection: bool = True) -> int:
    """W_q, W_k, W_v and W_O. The number of heads changes nothing."""
    return (3 + output_projection) * (d * d + bias * d)


def feed_forward(d: int, ffn: int) -> int:
    """Two linear maps with bias."""
    return 2 * d * ffn + ffn + d


def norm(d: int) -> int:
    """γ and β."""
    return 2 * d


def count(s: Stack) -> dict[str, int]:
    """Parameters by part."""
    layers, stacks = s.encoder + s.decoder, (s.encoder > 0) + (s.decoder > 0)
    one = attention(s.d, s.attention_bias, s.output_projection)
    return {
        "tokens": s.vocab * s.d,
        "positions": stacks * s.positions * s.d + s.segments * s.d,
        "attention": layers * one,
        "cross": s.decoder * one,
        "feed-forward": layers * feed_forward(s.d, s.ffn),
        "norms": (
            2 * layers + s.decoder + stacks * (s.embedding_norm + s.final_norm)
        ) * norm(s.d),
        "output": s.pooler * (s.d * s.d + s.d) + (not s.tied) * s.vocab * s.d,
    }  # fmt: skip


def total(s: Stack) -> int:
    """All of them."""
    return sum(count(s).values())


def pretraining_heads(s: Stack) -> int:
    """BERT's: a transform with norm, the output's bias, two classes of next sentence."""
    return s.d * s.d + s.d + norm(s.d) + s.vocab + 2 * s.d + 2


def _gpt2(layers: int, d: int, heads: int) -> Stack:
    return Stack(
        encoder=layers, d=d, heads=heads, ffn=4 * d, vocab=50257, positions=1024, final_norm=True
    )


def _bert(layers: int, segments: int, pooler: bool) -> Stack:
    return Stack(
        encoder=layers, d=768, heads=12, ffn=3072, vocab=30522, positions=512, segments=segments,
        embedding_norm=True, pooler=pooler,
    )  # fmt: skip


KNOWN = {
    "Transformer base": Stack(encoder=6, decoder=6),
    "BERT base": _bert(12, segments=2, pooler=True),
    "DistilBERT": _bert(6, segments=0, pooler=False),
    "GPT-1": Stack(encoder=12, d=768, heads=12, ffn=3072, vocab=40478, positions=512),
    "GPT-2": _gpt2(12, 768, 12),
    "GPT-2 medium": _gpt2(24, 1024, 16),
    "GPT-2 large": _gpt2(36, 1280, 20),
    "GPT-2 XL": _gpt2(48, 1600, 25),
    "BART base": Stack(
        encoder=6, decoder=6, d=768, heads=12, ffn=3072, vocab=50265, positions=1026,
        embedding_norm=True,
    ),
}  # fmt: skip
