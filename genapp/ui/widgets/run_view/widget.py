"""Training runs as a person watches them: a list, and the chosen run's curves, previews and words.

The browser asks once a second, through Gradio's server functions, for what is new on disk; a curve
travels once, then only its new rows. The widget's value is the chosen run's id, kept in the URL as
``?run=`` (and ``?with=`` for the run laid over it), so a closed tab comes back to where it was.
It fires ``first_run`` when a visitor without any run asks for one.
"""

import base64
import logging
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from genapp.errors import UserError
from genapp.trainer import jobs, runs
from genapp.trainer.runs import ACTIVE, Run

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
SCRIPTS = ("chart", "film", "list", "widget")
LISTED = 50  # newest runs shown
RESUMABLE = frozenset({"stopped", "interrupted", "failed"})


def run_view(*, first: str = "", elem_id: str = "run-view") -> gr.HTML:
    """The widget; ``first`` labels the button offered to whoever has no run yet."""
    return gr.HTML(
        value="",
        html_template=_text("widget.html"),
        css_template=_text("widget.css"),
        js_on_load=_script(),
        server_functions=[run_watch, run_preview, run_act],
        apply_default_css=False,
        elem_id=elem_id,
        label="Training runs",
        first=first,
    )


def _answered(function: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A server function whose errors are words in its reply."""

    def answer(request: Any = None) -> dict[str, Any]:
        try:
            return function(request if isinstance(request, dict) else {})
        except UserError as error:
            return {"error": str(error)}
        except Exception:
            log.exception("%s failed on %r", function.__name__, request)
            return {"error": "That failed — the server's log holds the details."}

    answer.__name__ = function.__name__
    return answer


@_answered
def run_watch(request: dict[str, Any]) -> dict[str, Any]:
    """What is new: ``{"seen": {run id: bytes of its metrics already here}}`` → runs and rows."""
    jobs.scheduler.start()
    found = runs.listing()
    queue = [run.id for run in jobs.waiting(found)]
    seen = request.get("seen") or {}
    details = {run.id: _details(run, seen[run.id]) for run in found if run.id in seen}
    return {"runs": [_summary(run, queue) for run in found[:LISTED]], "details": details}


def _details(run: Run, offset: Any) -> dict[str, Any]:
    start = offset if isinstance(offset, int) and offset >= 0 else 0
    found, end = runs.rows(run.folder, start)
    return {
        "series": runs.series(found),
        "afresh": end < start,
        "offset": end,
        "previews": list(runs.previews(run.folder)),
    }


def _summary(run: Run, queue: list[str]) -> dict[str, Any]:
    """One line of the list, and what the buttons may do."""
    s, active = run.status, run.status.state in ACTIVE
    pace = s.seconds / s.step if s.step else 0.0
    return {
        "id": run.id,
        "title": run.title,
        "preset": f"{run.job.family} · {run.job.preset}",
        "state": s.state,
        "place": queue.index(run.id) + 1 if run.id in queue else 0,
        "step": s.step,
        "steps": s.steps,
        "seconds": s.seconds,
        "left": pace * (s.steps - s.step) if active else 0.0,
        "best": s.best,
        "score": s.score,
        "message": s.message,
        "advice": list(s.advice),
        "quiet": round(time.time() - s.updated) if active else 0,
        "resumable": s.state in RESUMABLE,
        "checkpoint": (run.folder / "best").exists(),
    }


@_answered
def run_preview(request: dict[str, Any]) -> dict[str, Any]:
    """``{"run", "step"}`` → the preview as a data URL or as text."""
    run = runs.find(str(request.get("run")))
    found = {str(step): path for step, path in runs.previews(run.folder).items()}
    if (path := found.get(str(request.get("step")))) is None:
        raise UserError("This preview is gone", "choose another step.")
    if path.suffix == ".txt":
        return {"text": path.read_text("utf-8")}
    return {"image": f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"}


@_answered
def run_act(request: dict[str, Any]) -> dict[str, Any]:
    """``{"run", "act"}``: pause, resume, stop, slower (resume at a third of the rate), longer."""
    run, act = runs.find(str(request.get("run"))), request.get("act")
    if act in {"pause", "stop"}:
        (jobs.pause if act == "pause" else jobs.stop)(run.id)
    elif act == "resume":
        jobs.resume(run.id)
    elif act == "longer":
        jobs.resume(run.id, {"steps": run.status.step + max(1, run.status.steps // 2)})
    elif act == "slower":
        jobs.resume(run.id, {"lr": jobs.settings(run.job).lr / 3})
    else:
        raise UserError(f"Unknown action {str(act)[:20]!r}", "use pause, resume or stop.")
    return {}


@cache
def _script() -> str:
    """All scripts in one function scope, so that widgets on a page share no names."""
    parts = [_text(f"{name}.js") for name in SCRIPTS]
    return "\n".join([*parts, "openRunView(element, props, server, trigger, watch);"])


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
