"""What is asked of a translator, whatever its architecture. No torch."""

from dataclasses import dataclass

from genapp.spec import param

SENTENCE = 400  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslateRequest:
    """Translate ``text`` into English. Streams :class:`genapp.translation.generate.Frame`."""

    checkpoint: str = param("mt-gru-attn", "Model", max_length=64)
    text: str = param("я вижу красную машину.", "Sentence", max_length=SENTENCE)
    reference: str = param(
        "", "Reference", max_length=SENTENCE, help="with align: what the model is made to write"
    )
    align: bool = param(False, "Align the reference instead of translating")
    beam: int = param(1, "Beam", low=1, high=8, step=1, help="1 = greedy")
    seed: int = param(0, "Seed", low=-1, high=2**31 - 1, step=1, help="nothing is drawn: no effect")
