"""Writing text token by token: requests in, frames out.

:func:`generate` is what the page, the HTTP API and the tests share. The cache is allocated once
per text; when the context is full, the last half of it is read again and writing goes on.
"""

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from genapp.families.gpt import memory, sampling, scoring
from genapp.families.gpt import prompt as prompts
from genapp.families.gpt.model import GPT
from genapp.families.gpt.reader import Reader
from genapp.families.gpt.sampling import Sampler
from genapp.families.gpt.spec import GenerateRequest, LogitsRequest, ScoreRequest
from genapp.families.gpt.tokenizer import StreamDecoder, Tokenizer, token_text
from genapp.service import Loaded

LARGE = 50_000_000  # weights that no processor cache holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A token that could have come here, with the model's own probability for it."""

    token: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One token that was written, and how the model saw it."""

    token: int
    text: str  # as shown: may be ``<|name|>`` or ``\\xNN``
    probability: float  # the model's own, before any sampler setting
    chance: float  # of being drawn, after all of them
    rank: int  # 1 = the model's first choice
    entropy: float  # nats, of the model's own distribution
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The state after one more token; the last one has ``finish`` set and ``written`` None."""

    text: str  # everything written so far, without the prompt
    delta: str  # what this frame adds to it
    written: Written | None
    tokens: int  # written so far
    seed: int  # the one used
    notice: str = ""
    prompt_tokens: tuple[int, ...] = ()  # as the model read it; first and last frame only
    finish: str = ""  # "end" of text or "length"
    perplexity: float = math.nan  # of what was written, under the model; last frame only
    seconds: float = 0.0
    tokens_per_s: float = 0.0  # without reading the prompt


def generate(loaded: Loaded, request: Any) -> Iterator[Any]:
    """Frames for a :class:`GenerateRequest`; one result for a score or a logits request."""
    if isinstance(request, ScoreRequest):
        yield scoring.score(loaded, request.text, request.style)
    elif isinstance(request, LogitsRequest):
        yield scoring.next_logits(loaded, request.prompt, request.style)
    else:
        yield from write(loaded, request)


def write(loaded: Loaded, request: GenerateRequest) -> Iterator[Frame]:
    """Writes until the model ends its text or ``max_new_tokens`` are there."""
    tokenizer = prompts.tokenizer_of(loaded)
    prompt = prompts.encode(loaded, request.prompt, request.style)
    seed = request.seed if request.seed >= 0 else random.SystemRandom().randrange(2**31)
    blank = Frame(text="", delta="", written=None, tokens=0, seed=seed, notice=prompt.notice)
    yield replace(blank, prompt_tokens=tuple(prompt.tokens))
    reader, seen = Reader(_prepared(loaded), prompt.head), prompt.tokens
    forced, sampler = tokenizer.encode(request.forced), sampler_of(request, tokenizer)
    generator, decoder = torch.Generator().manual_seed(seed), StreamDecoder(tokenizer)
    logits, began, busy = reader.read(seen), time.perf_counter(), 0.0
    text, nats, count, finish = "", 0.0, 0, ""
    while not finish:
        given = (forced[count], 1.0) if count < len(forced) else None
        token, chance = given or sampling.choose(logits, seen, sampler, generator)
        if token == tokenizer.end:
            finish = "end"
            break
        written = _describe(logits, token, chance, tokenizer, request.candidates)
        count, nats = count + 1, nats - math.log(max(written.probability, 1e-30))
        finish = "length" if count == request.max_new_tokens else ""
        logits = logits if finish else reader.read([token])
        seen.append(token)
        delta = decoder.feed(token)
        text += delta
        busy += time.perf_counter() - began  # what happens between frames isn't ours
        pace: dict[str, Any] = {"seconds": busy, "tokens_per_s": count / busy}
        yield replace(blank, text=text, delta=delta, written=written, tokens=count, **pace)
        began = time.perf_counter()
    busy += time.perf_counter() - began
    delta = decoder.flush()
    yield replace(
        blank, text=text + delta, delta=delta, tokens=count, finish=finish,
        prompt_tokens=tuple(prompt.tokens), seconds=busy, tokens_per_s=count / busy,
        perplexity=math.exp(nats / count) if count else math.nan,
    )  # fmt: skip


def _prepared(loaded: Loaded) -> GPT:
    """The model; a large one is first moved to large pages, once."""
    model: GPT = loaded.model  # type: ignore[assignment]
    if loaded.device.type == "cpu" and "pages" not in loaded.memo:
        size = model.config.layers * model.config.width**2 * 12  # weights, roughly
        loaded.memo["pages"] = memory.use_large_pages() if size > LARGE else 0
    return model


def sampler_of(request: GenerateRequest, tokenizer: Tokenizer) -> Sampler:
    """The request's settings; a banned word is banned with and without a space before it."""
    words = [word.strip() for word in request.banned.split(",") if word.strip()]
    spellings = [tokenizer.encode(space + word) for word in words for space in ("", " ")]
    return Sampler(
        temperature=request.temperature,
        top_k=request.top_k,
        top_p=request.top_p,
        min_p=request.min_p,
        typical_p=request.typical_p,
        repetition=request.repetition_penalty,
        presence=request.presence_penalty,
        frequency=request.frequency_penalty,
        no_repeat_ngram=request.no_repeat_ngram,
        banned=tuple(tuple(s) for s in spellings if s),
    )


@torch.inference_mode()
def _describe(
    logits: Tensor, token: int, chance: float, tokenizer: Tokenizer, candidates: int
) -> Written:
    """How the model saw ``token`` and what else it could have been."""
    logp, probs = logits.log_softmax(0), logits.softmax(0)
    top = logp.topk(min(candidates, len(logp)))
    return Written(
        token=token,
        text=token_text(tokenizer, token),
        probability=float(probs[token]),
        chance=chance,
        rank=1 + int((logits > logits[token]).sum()),
        entropy=-float(torch.dot(probs, logp)),
        candidates=tuple(
            Candidate(token=i, text=token_text(tokenizer, i), probability=math.exp(lp))
            for i, lp in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        ),
    )
