"""What the Studio's buttons do: write, stop, go on, and look at one place of the text.

A text's whole state travels in the strip's value (ids, what the model read, settings), so the
server keeps nothing of a visitor but the event that stops a running text.
"""

import json
import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import gradio as gr
import numpy as np

from genapp import checkpoints, service
from genapp.errors import UserError
from genapp.families.gpt.spec import STYLES, GenerateRequest
from genapp.spec import resolve
from genapp.ui import parts
from genapp.ui.widgets.sampler import widget as sampler
from genapp.ui.widgets.token_strip import widget as strip

log = logging.getLogger(__name__)

FAMILY = "gpt"
PAINT = 0.07  # s between two updates of the page; each costs the browser 10-40 ms
LONG = 250  # tokens from which updates come slower, as each carries the whole text
TO_THE_END = 1_000  # tokens, where a text is asked to run until its end
TAIL = 8_000  # characters handed back to the model; it sees far fewer
OPENING_SEED = 72
OPENING_TOKENS = 400
FINISH = {"end": "the end", "length": "stopped at the token limit", "stopped": "stopped"}


@dataclass(slots=True)
class Page:
    """A text on its way into the strip.

    ``reads`` are (tokens before, ids as the model read them) of each time writing began, from
    which :func:`seen_at` knows the context of any token.
    """

    ask: GenerateRequest
    prompt: str
    tokens: list[str] = field(default_factory=list)
    reads: list[tuple[int, list[int]]] = field(default_factory=list)
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    note: str = ""

    def add(self, frame: Any) -> None:
        """Takes in one frame of the writer."""
        if frame.prompt_tokens and not frame.finish:
            self.reads.append((len(self.tokens), list(frame.prompt_tokens)))
            self.ask = replace(self.ask, seed=frame.seed)
        if frame.written is not None:
            self.tokens.append(_token(frame))
        self.note = self._note(frame)

    def _note(self, frame: Any) -> str:
        words = [f"{len(self.tokens):,} tokens"]
        if frame.tokens and frame.seconds:
            words.append(f"{frame.tokens_per_s:,.0f} tokens/s")
        words.append(f"seed {frame.seed}")
        if frame.finish and frame.tokens:
            words.append(f"perplexity {frame.perplexity:,.1f}")
        return " · ".join([*words, *([frame.notice] if frame.notice else [])])

    def value(self, status: str = "writing", finish: str = "", **more: Any) -> dict[str, Any]:
        """The strip's value; ``finish`` is how the text ended, if it has."""
        end = [strip.mark("∎")] if finish == "end" else []
        words = [self.note, FINISH.get(finish, "")]
        settings = {k: v for k, v in asdict(self.ask).items() if k != "candidates"}
        return strip.value(
            self.tokens + end,
            run=self.run,
            prompt=self.prompt,
            status=status,
            note=" · ".join(filter(None, words)),
            settings={**settings, "prompt": self.prompt},
            reads=json.dumps(self.reads),
            finish=finish,
            **more,
        )


def _token(frame: Any) -> str:
    w = frame.written
    return strip.token(
        w.token,
        frame.delta,
        w.probability,
        w.rank,
        w.entropy,
        [(c.text, c.probability) for c in w.candidates],
        w.chance,
        w.text,
    )


class Due:
    """Says when the page is to be updated again."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, tokens: int) -> bool:
        now = time.perf_counter()
        if now - self._last < PAINT * max(1.0, tokens / LONG):
            return False
        self._last = now
        return True


class Writer:
    """The Studio's handlers. Holds one stop event per visitor, nothing else."""

    def __init__(self) -> None:
        self._stops: dict[str, threading.Event] = {}

    def write(
        self,
        model: str,
        style: str,
        prompt: str,
        settings: Any,
        tokens: float,
        precision: str,
        seed: float | None,
        fresh: bool,
        request: gr.Request,
    ) -> Iterator[tuple[Any, int]]:
        """Write: a new text from the prompt."""
        ask = GenerateRequest(
            checkpoint=model,
            style=style,
            prompt=prompt or "",
            max_new_tokens=tokens,  # type: ignore[arg-type]
            precision=precision,
            seed=-1 if fresh or seed is None else seed,  # type: ignore[arg-type]
            **knobs(settings),
        )
        yield from self._stream(Page(ask, ask.prompt), ask, request)

    def go_on(self, value: Any, model: str, settings: Any, request: gr.Request) -> Iterator[Any]:
        """Continue: the text in the strip, until the model ends it."""
        with asking():
            page = page_of(value)
            written = strip.text(value)
        if value.get("finish") == "end":
            gr.Info("This story has ended — press Write for another one.")
            return
        page.ask = replace(page.ask, checkpoint=model, **knobs(settings))
        more: dict[str, Any] = {
            "prompt": written[-TAIL:],
            "max_new_tokens": TO_THE_END,
            "forced": "",
        }
        yield from self._stream(page, replace(page.ask, **more), request)

    def _stream(
        self, page: Page, ask: GenerateRequest, request: gr.Request
    ) -> Iterator[tuple[Any, int]]:
        """The strip and the seed while the text grows; a stopped text just ends."""
        stop = threading.Event()
        self.stop(request)
        self._stops[session(request)] = stop
        due = Due()
        frame = None
        for frame in service.stream(FAMILY, ask, stop):
            parts.unless_failed(frame)
            page.add(frame)
            if not frame.finish and due(len(page.tokens)):
                yield page.value(), page.ask.seed
        if frame is not None and not stop.is_set():
            last = len(page.tokens) - 1 if frame.finish == "end" else None
            yield page.value("done", frame.finish, picked=last), page.ask.seed

    def stop(self, request: gr.Request) -> None:
        """Stop: the loop that writes for this visitor ends before its next token."""
        if event := self._stops.pop(session(request), None):
            event.set()


def session(request: gr.Request | None) -> str:
    return (request and request.session_hash) or ""


def stopped(value: Any) -> Any:
    """The strip once writing was stopped."""
    if not isinstance(value, Mapping) or value.get("status") != "writing":
        return gr.skip()
    note = f"{value.get('note', '')} · {FINISH['stopped']}"
    return {**value, "status": "done", "finish": "stopped", "note": note}


@contextmanager
def asking() -> Iterator[None]:
    """Turns a :class:`UserError`, and whatever the browser sent wrong, into a message."""
    try:
        yield
    except UserError as error:
        parts.unless_failed(service.Failure(str(error)))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        log.info("a strip came back unreadable", exc_info=True)
        words = "The text on the page can't be read — press Write for a new one."
        parts.unless_failed(service.Failure(words))


def knobs(settings: Any) -> dict[str, Any]:
    """The sampler's value as request fields; the service checks the numbers."""
    if not isinstance(settings, Mapping):
        return {}
    return {name: settings[name] for name in sampler.NAMES if name in settings}


def page_of(value: Any) -> Page:
    """The page behind a strip's value; raises ``ValueError`` and friends for anything else."""
    known = {f.name for f in fields(GenerateRequest)}
    ask = GenerateRequest(**{k: v for k, v in json.loads(value["settings"]).items() if k in known})
    lines = [line for line in value["tokens"].split("\n") if line]
    kept = lines[: len(strip.tokens(value))]
    reads = [(int(n), [int(i) for i in ids]) for n, ids in json.loads(value["reads"])]
    return Page(ask, str(value["prompt"]), kept, reads, run=str(value["run"]))


# ---- one place of the text --------------------------------------------------------------------


def at_click(value: Any, event: gr.EventData) -> Any:
    """The sampler's update for the token that was clicked."""
    with asking():
        return distribution(value, int(event.index))


def at_end(value: Any) -> Any:
    """The sampler's update for what may come next, or for the last token of a finished story."""
    with asking():
        count = len(strip.tokens(value))
        return distribution(value, count - 1 if value.get("finish") == "end" and count else count)


def distribution(value: Any, index: int) -> dict[str, Any]:
    """One forward pass: the logits that token ``index`` was drawn from, or would be."""
    page = page_of(value)
    tokens = strip.tokens(value)
    if not 0 <= index <= len(tokens):
        raise IndexError(index)
    loaded = service.models.get(FAMILY, page.ask.checkpoint)
    names = vocabulary(loaded)
    head = 1 if page.reads[0][1] and names[page.reads[0][1][0]].startswith("<|") else 0
    limit = int(loaded.meta.config["context"])
    seen, visible = seen_at(page.reads, [t["id"] for t in tokens], index, limit, head)
    logits = service.live(FAMILY, page.ask.checkpoint, "logits", np.array([visible], np.float32))
    chosen = tokens[index]["id"] if index < len(tokens) else None
    ids = sampler.worth_naming(logits, [*seen, *([] if chosen is None else [chosen])])
    before = page.prompt + "".join(t["text"] for t in tokens[:index])
    return sampler.show(
        sampler.Distribution(
            logits=logits,
            context=seen,
            names={i: names[i] for i in ids},
            before=_tail(before),
            chosen=chosen,
            key=str(hash((page.ask.checkpoint, tuple(seen), tuple(visible), chosen))),
        )
    )


def _tail(text: str, length: int = 34) -> str:
    """The last words of ``text``."""
    return text if len(text) <= length else text[-length:].partition(" ")[2] or text[-length:]


def vocabulary(loaded: service.Loaded) -> list[str]:
    """The name of every token, made once per model."""
    if "names" not in loaded.memo:
        loaded.memo["names"] = resolve("genapp.families.gpt.scoring:vocabulary")(loaded)
    return loaded.memo["names"]


def seen_at(
    reads: Sequence[tuple[int, list[int]]],
    written: Sequence[int],
    index: int,
    limit: int,
    head: int,
) -> tuple[list[int], list[int]]:
    """(tokens the penalties count, tokens in the model's sight) just before token ``index``.

    The writer drops the older half of a full context and keeps its ``head``; so does this.
    """
    start, prompt = [read for read in reads if read[0] <= index][-1]
    seen, visible = list(prompt), list(prompt)
    for token in written[start:index]:
        seen.append(token)
        if len(visible) + 1 > limit:
            visible = prompt[:head] + [*visible, token][-(limit // 2) :]
        else:
            visible.append(token)
    return seen, visible


# ---- the first text ---------------------------------------------------------------------------


class Openings:
    """First texts, really written, kept per request and version of the checkpoint."""

    def __init__(self, most: int = 16) -> None:
        self._kept: dict[Any, tuple[Any, Any]] = {}
        self._most = most

    def of(self, ask: GenerateRequest) -> Iterator[tuple[Any, Any]]:
        """(strip, sampler) as the text grows, or at once if it was written before.

        Raises :class:`UserError` for a request that can't be had.
        """
        path = checkpoints.find(FAMILY).get(ask.checkpoint)
        if path is None:
            yield strip.value([], note="No model yet — train one on the Train page."), gr.skip()
            return
        key = (ask, (path / checkpoints.META).stat().st_mtime)
        if key not in self._kept:
            page = Page(ask, ask.prompt)
            for value in _written(page):
                yield value, gr.skip()
            tokens = strip.tokens(value)
            spot = _undecided(tokens)
            value["picked"] = spot
            first = value, distribution(value, len(tokens) if spot is None else spot)
            for old in list(self._kept)[: 1 - self._most]:
                self._kept.pop(old, None)
            self._kept[key] = first
        yield self._kept[key]


def _written(page: Page) -> Iterator[dict[str, Any]]:
    """The strip while ``page.ask`` is written, at least once."""
    due = Due()
    for frame in service.stream(FAMILY, page.ask):
        if isinstance(frame, service.Failure):
            raise UserError(*frame.message.split(" — ", 1))
        page.add(frame)
        if frame.finish:
            yield page.value("done", frame.finish)
        elif due(len(page.tokens)):
            yield page.value()


def _undecided(tokens: Sequence[Mapping[str, Any]]) -> int | None:
    """An early word at which the model was of many minds: worth a first look."""
    early = range(8, min(len(tokens), 48))
    words = [i for i in early if tokens[i]["rank"] <= 12 and tokens[i]["text"].strip().isalpha()]
    return max(words, key=lambda i: tokens[i]["entropy"], default=None)


def styles_of(checkpoint: str) -> tuple[str, ...]:
    """The styles a checkpoint has tokens for, told from its tokenizer's file."""
    path = checkpoints.find(FAMILY).get(checkpoint)
    try:
        text = (path / "tokenizer.json").read_text("utf-8") if path else ""
    except (OSError, UnicodeDecodeError):
        text = ""
    return tuple(style for style in STYLES if f'"<|{style}|>"' in text)


def opening_request(model: str, query: Mapping[str, str], tab: str) -> GenerateRequest:
    """What to open the page with: the model's own first text, or what a shared link asks for."""
    shared = {k.removeprefix(f"{tab}."): v for k, v in query.items() if k.startswith(f"{tab}.")}
    styles = styles_of(model)
    style = shared.get("style", styles[0] if styles else "auto")
    seed = shared.get("seed", "")
    return GenerateRequest(
        checkpoint=model,
        style=style if style in ("auto", *styles) else "auto",
        prompt=shared.get("prompt", "")[:2_000],
        max_new_tokens=OPENING_TOKENS,
        seed=int(seed) if seed.isdecimal() and int(seed) < 2**31 else OPENING_SEED,
        **sampler.decode(shared.get("sampler", "")),  # type: ignore[arg-type]
    )
