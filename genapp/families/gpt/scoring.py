"""What a model thinks of a text (a heat strip) and of the next token (for bars in the browser)."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from genapp.errors import UserError
from genapp.families.gpt import prompt as prompts
from genapp.families.gpt.model import GPT
from genapp.families.gpt.tokenizer import token_text
from genapp.service import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One token of a text and the model's surprise at it."""

    token: int
    text: str
    nats: float
    rank: int  # 1 = the model's first choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A text under the model; its first token counts only behind a style or end token."""

    tokens: tuple[Scored, ...]
    nats: float  # mean, a token
    perplexity: float
    bits_per_byte: float  # comparable between tokenizers
    notice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLogits:
    """Raw logits (V,) float32 of the token after the prompt, before any sampler setting."""

    logits: np.ndarray
    prompt_tokens: tuple[int, ...]
    notice: str = ""


def next_logits(loaded: Loaded, prompt: str, style: str = "auto") -> NextLogits:
    """One forward pass; the browser reshapes the result by temperature, k and p on its own."""
    read = prompts.encode(loaded, prompt, style)
    logits = _last(loaded, read.tokens)
    return NextLogits(logits=logits, prompt_tokens=tuple(read.tokens), notice=read.notice)


def live_logits(loaded: Loaded, values: np.ndarray) -> np.ndarray:
    """Live operation: token ids (1, n) as floats → logits (V,) of the token after them."""
    model: GPT = loaded.model  # type: ignore[assignment]
    tokens = values.reshape(-1).astype(np.int64)
    if not len(tokens) or tokens.min() < 0 or tokens.max() >= model.config.vocab:
        raise UserError(
            "The tokens are none of this model's",
            f"send numbers from 0 to {model.config.vocab - 1:,}.",
        )
    return _last(loaded, tokens[-model.config.context :].tolist())


@torch.inference_mode()
def _last(loaded: Loaded, tokens: list[int]) -> np.ndarray:
    model: GPT = loaded.model  # type: ignore[assignment]
    hidden = model.hidden(torch.tensor([tokens], device=loaded.device))
    return model.head(hidden[:, -1])[0].float().cpu().numpy()  # type: ignore[no-any-return]


def vocabulary(loaded: Loaded) -> list[str]:
    """Every token as shown, by id: labels for the bars."""
    tokenizer = prompts.tokenizer_of(loaded)
    return [token_text(tokenizer, i) for i in range(tokenizer.size)]


@torch.inference_mode()
def score(loaded: Loaded, text: str, style: str = "auto") -> Score:
    """Surprise at every token of ``text``; a long one slides by half a context.

    Raises :class:`UserError` for a text of fewer than two tokens.
    """
    model: GPT = loaded.model  # type: ignore[assignment]
    tokenizer = prompts.tokenizer_of(loaded)
    notice = prompts.encode(loaded, text, style).notice if text else ""
    special = None if style == "auto" else tokenizer.special(style)
    first = special if special is not None else tokenizer.end
    tokens = [*([] if first is None else [first]), *tokenizer.encode(text)]
    if len(tokens) < 2 or not text.strip():
        raise UserError("There is too little text to score", "paste a sentence or more.")
    nats, ranks = _surprise(model, torch.tensor(tokens, device=loaded.device))
    shown = tuple(
        Scored(token=t, text=token_text(tokenizer, t), nats=n, rank=r)
        for t, n, r in zip(tokens[1:], nats, ranks, strict=True)
    )
    size = sum(len(tokenizer.token_bytes(t)) for t in tokens[1:])
    mean = sum(nats) / len(nats)
    return Score(
        tokens=shown,
        nats=mean,
        perplexity=math.exp(mean),
        bits_per_byte=sum(nats) / math.log(2) / max(1, size),
        notice="" if "last" in notice else notice,
    )


def _surprise(model: GPT, tokens: torch.Tensor) -> tuple[list[float], list[int]]:
    """Nats and ranks of ``tokens[1:]``, each seen with at least half a context before it."""
    context, nats, ranks = model.config.context, [], []  # type: ignore[var-annotated]
    done = 1  # tokens[:done] have their score, or need none
    while done < len(tokens):
        start = max(0, done - max(1, context // 2)) if done > 1 else 0
        window = tokens[start : start + context + 1]
        logits = model(window[None, :-1])[0].float()  # (T, V)
        logits, wanted = logits[done - 1 - start :], window[done - start :]
        chosen = logits.gather(1, wanted[:, None])  # (n, 1)
        nats += (logits.logsumexp(1) - chosen[:, 0]).tolist()
        ranks += (1 + (logits > chosen).sum(1)).tolist()
        done = start + len(window)
    return nats, ranks
