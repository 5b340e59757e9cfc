"""The Train page: start a run of any family, watch it, and use what it learned."""

import html
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from genapp import registry
from genapp.errors import UserError
from genapp.spec import FamilySpec
from genapp.trainer import export, jobs, runs
from genapp.trainer.config import SCALES, Job, presets_of, settings
from genapp.trainer.forecast import forecast
from genapp.ui import parts
from genapp.ui.context import Context
from genapp.ui.widgets.run_view import run_view

FIRST = Job(  # what a visitor without any run is offered; about a minute on two cores
    family="autoencoders", preset="vae-dense-b0.784", overrides={"steps": 6000}, name="Digit VAE"
)
NUMBERS = ("steps", "batch", "lr", "seed")
PICTURES = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".zip"]
OWN: dict[str, tuple[str, str, list[str]]] = {  # FamilySpec.own_data → title, label, file types
    "text": ("Use your own text", "A .txt of up to 20 MB", [".txt", ".md", ".text"]),
    "images": ("Use your own pictures", "Pictures, or a .zip", PICTURES),
    "": ("", "", []),
}
CSS = """<style>
.train-form { border: 1px solid var(--border-color-primary); border-radius: 14px; padding: 18px;
  background: var(--block-background-fill); gap: 14px; align-self: start; }
.train-form .form { border: 0; background: none; box-shadow: none; gap: 14px; }
.train-form .block { border: 0; background: none; padding: 0; }
.train-form .label-wrap { font-size: 14px; color: var(--body-text-color-subdued); }
.train-form .html-container, #run-view .html-container { padding: 0; }
.train-about { font-size: 14px; line-height: 1.45; color: var(--body-text-color-subdued); }
.train-about b { color: var(--body-text-color); font-weight: 550; display: block; }
.train-keep { align-items: flex-end !important; gap: 10px; padding: 14px 18px 16px;
  border: 1px solid var(--border-color-primary); border-radius: 14px;
  background: var(--block-background-fill); }
.train-keep .form, .train-keep .block { border: 0; background: none; padding: 0; }
.train-keep button { white-space: nowrap; }
.train-said { padding: 0 4px; }
@media (max-width: 760px) { .train-page > :last-child { order: -1; } }
</style>"""


def build(ctx: Context) -> None:
    """Lays the page out; the training itself never runs in this process."""
    gr.HTML("<h1>Train</h1>", elem_classes="title", js_on_load=None)
    parts.story(
        "Every model of this app was trained by the code behind this page; here you train your"
        " own, on our data or on yours, and watch it learn.",
        "start the digit VAE and look at its pictures sharpen; then take the batch down to 8"
        " and compare the two curves.",
    )
    families = {n: f for n, f in registry.all_families().items() if presets_of(n)}
    if not families:
        gr.Markdown("No family can be trained yet.")
        return
    gr.HTML(CSS, visible="hidden", js_on_load=None)
    with gr.Row(elem_classes="train-page"):
        form = _form(families)
        with gr.Column(scale=5, min_width=340):
            view = run_view(first="Train a digit VAE in one minute" if _can_try() else "")
            _keep(view)
    _wire(ctx, form, view)
    _api()


@dataclass(frozen=True, slots=True)
class Form:
    """The left side of the page."""

    family: gr.Dropdown
    preset: gr.Dropdown
    scale: gr.Radio
    own: gr.Accordion
    files: gr.File
    name: gr.Textbox
    numbers: tuple[gr.Number, ...]  # in the order of NUMBERS
    about: gr.HTML
    start: gr.Button

    @property
    def asked(self) -> list[gr.components.Component]:
        """What a start needs, in the order of :func:`_job`, the files last."""
        return [self.family, self.preset, self.scale, self.name, *self.numbers, self.files]


def _form(families: dict[str, FamilySpec]) -> Form:
    first = FIRST.family if FIRST.family in families else next(iter(families))
    known = presets_of(first)
    preset = FIRST.preset if FIRST.preset in known else next(iter(known))
    shown = _numbers(first, preset, "auto")
    with gr.Column(scale=2, min_width=290, elem_classes="train-form"):
        family = gr.Dropdown(
            [(f.title, name) for name, f in families.items()], value=first, label="Family"
        )
        model = gr.Dropdown(_presets(first), value=preset, label="Model")
        about = gr.HTML(_about(first, preset, "auto", *shown), elem_classes="train-about")
        numbers = _number_fields(("Steps", "Batch", "Learning rate", "Seed"), shown)
        scale = gr.Radio(
            _scales(first, preset),
            value="auto",
            label="Scale",
            info="whose numbers to take; auto is a GPU's where there is one",
        )
        with _own(first) as own:
            files = _files(first)
        name = gr.Textbox(label="Name", max_length=60, placeholder="optional")
        start = gr.Button("Start training", variant="primary")
    return Form(family, model, scale, own, files, name, numbers, about, start)


def _number_fields(labels: Sequence[str], shown: Sequence[float]) -> tuple[gr.Number, ...]:
    fields: list[gr.Number] = []
    for pair in (0, 2):
        with gr.Row():
            for i in (pair, pair + 1):
                whole = NUMBERS[i] != "lr"
                fields.append(
                    gr.Number(
                        shown[i],
                        label=labels[i],
                        precision=0 if whole else None,
                        step=1 if whole else 0.0001,
                        minimum=0,
                        min_width=100,
                    )
                )
    return tuple(fields)


def _own(family: str) -> gr.Accordion:
    title = OWN[registry.get(family).own_data][0]
    return gr.Accordion(title, open=False, visible=bool(title))


def _files(family: str) -> gr.File:
    _, label, types = OWN[registry.get(family).own_data]
    return gr.File(label=label, file_types=types, file_count="multiple", height=150)


def _presets(family: str) -> list[tuple[str, str]]:
    """Titles that two presets share are told apart by their names."""
    known = presets_of(family)
    titles = [p.title for p in known.values()]
    return [
        (p.title if p.title and titles.count(p.title) == 1 else f"{p.title} ({name})", name)
        for name, p in known.items()
    ]


def _scales(family: str, preset: str) -> list[str]:
    train = registry.get(family).presets[preset].train
    return [s for s in SCALES if s == "auto" or s in train]


def _numbers(family: str, preset: str, scale: str) -> list[Any]:
    config = settings(Job(family=family, preset=preset, scale=scale))
    return [getattr(config, name) for name in NUMBERS]


def _about(family: str, preset: str, scale: str, *numbers: Any) -> str:
    """What the model is and how long it will take, if that can be known."""
    try:
        known = registry.get(family).presets[preset].about
        when = forecast(_job(family, preset, scale, "", *numbers))
    except (KeyError, UserError) as error:
        return html.escape(str(error)) if isinstance(error, UserError) else ""
    return f"{html.escape(known)} <b>{html.escape(when)}</b>"


def _job(family: str, preset: str, scale: str, name: str, *numbers: Any) -> Job:
    """The job behind the form: numbers left as the preset has them are no overrides."""
    usual = _numbers(family, preset, scale)
    given = dict(zip(NUMBERS, numbers, strict=True))
    changed = {
        n: value
        for (n, value), ours in zip(given.items(), usual, strict=True)
        if value is not None and value != ours
    }
    return Job(family=family, preset=preset, scale=scale, name=name, overrides=changed)


def _can_try() -> bool:
    known = registry.all_families()
    return FIRST.family in known and FIRST.preset in known[FIRST.family].presets


def _told(function: Callable[..., Any], page: bool = True) -> Callable[..., Any]:
    """A handler whose :class:`UserError` reaches the page's corner, or plain the HTTP caller."""

    def handle(*values: Any) -> Any:
        try:
            return function(*values)
        except UserError as error:
            words = html.escape(str(error)) if page else str(error)
            raise gr.Error(words, duration=8, print_exception=False) from None

    return handle


def _wire(ctx: Context, form: Form, view: gr.HTML) -> None:
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    choice = [form.family, form.preset, form.scale]

    def other_family(family: str) -> list[Any]:
        presets = _presets(family)
        menu = gr.Dropdown(presets, value=presets[0][1])
        return [menu, _own(family), _files(family), *other_preset(family, presets[0][1], "auto")]

    def other_preset(family: str, preset: str, scale: str) -> list[Any]:
        scales = _scales(family, preset)
        scale = scale if scale in scales else "auto"
        numbers = _numbers(family, preset, scale)
        about = _about(family, preset, scale, *numbers)
        return [gr.Radio(scales, value=scale), *numbers, about]

    def start(*values: Any) -> str:
        *asked, files = values
        run_id = jobs.submit(_job(*asked), [Path(f) for f in files or []])
        if place := _place(run_id):
            gr.Info(f"It waits at place {place} of the queue and starts by itself.", duration=5)
        return run_id

    filled = [form.scale, *form.numbers, form.about]
    others = [form.preset, form.own, form.files, *filled]
    form.family.input(_told(other_family), form.family, others, **quiet)
    gr.on([form.preset.input, form.scale.input], _told(other_preset), choice, filled, **quiet)
    gr.on(
        [number.input for number in form.numbers],
        _about,
        [*choice, *form.numbers],
        form.about,
        trigger_mode="always_last",
        **quiet,
    )
    started = form.start.click(
        _told(start), form.asked, view, show_progress="minimal", api_visibility="private"
    )
    started.success(lambda: [None, ""], None, [form.files, form.name], **quiet)
    view.first_run(_told(lambda: jobs.submit(FIRST)), None, view, **quiet)
    ctx.on_open(lambda: jobs.scheduler.start(), None)


def _place(run_id: str) -> int:
    queue = [run.id for run in jobs.waiting(runs.listing())]
    return queue.index(run_id) + 1 if run_id in queue else 0


def _keep(view: gr.HTML) -> None:
    """What to do with the chosen run: use its weights, take everything home, remove it."""
    with gr.Row(visible=False, elem_classes="train-keep") as row:
        name = gr.Textbox(label="Checkpoint name", max_length=40, scale=2, min_width=150)
        use = gr.Button("Use this checkpoint", variant="primary", size="md", scale=0, min_width=180)
        load = gr.Button("Download", size="md", scale=0, min_width=110)
        remove = gr.Button("Delete", size="md", scale=0, min_width=90)
    said = gr.Markdown(elem_classes="train-said")
    bundle = gr.File(visible="hidden", label="Run as zip")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def chosen(run_id: str) -> list[Any]:
        found = [run for run in runs.listing() if run.id == run_id]
        suggested = export.default_name(found[0]) if found else ""
        return [gr.Row(visible=bool(found)), suggested, ""]

    def keep(run_id: str, wanted: str) -> str:
        folder = export.export(run_id, wanted)
        page = registry.get(folder.parent.name).page
        return f"It is now **{folder.name}** in the checkpoint menus of the {page} page."

    def delete(run_id: str) -> None:
        if run_id:  # empty when the visitor thought better of it
            jobs.delete(run_id)

    view.change(chosen, view, [row, name, said], **quiet)
    use.click(_told(keep), [view, name], said, **quiet)
    load.click(
        _told(lambda run_id: str(export.archive(run_id))), view, bundle,
        show_progress="minimal", api_visibility="private",
    ).success(None, bundle, None, js=_SAVE)  # fmt: skip
    remove.click(_told(delete), view, None, js=_SURE, **quiet)


_SAVE = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name || "run.zip";
  link.click();
}"""
_SURE = """(run) => {
  return confirm("Delete this run with its curves and checkpoints?") ? run : "";
}"""


# The same over HTTP ---------------------------------------------------------------------------


def train_start(
    family: str,
    preset: str,
    scale: str = "auto",
    steps: int = 0,
    batch: int = 0,
    lr: float = 0.0,
    seed: int = -1,
    name: str = "",
) -> str:
    """Queues a training run and returns its id. 0 (seed: -1) leaves a number to the preset."""
    given = {"steps": steps, "batch": batch, "lr": lr}
    overrides: dict[str, Any] = {key: value for key, value in given.items() if value}
    if seed >= 0:
        overrides["seed"] = seed
    job = Job(family=family, preset=preset, scale=scale, name=name, overrides=overrides)
    return _answer(jobs.submit, job)  # type: ignore[no-any-return]


def train_list() -> list[dict]:
    """Every run, newest first: id, family, preset, state, message, step, steps, seconds, best."""
    private = {"data", "pid", "born"}  # paths and processes stay here
    found = [{"id": r.id, **asdict(r.job), **asdict(r.status)} for r in runs.listing()]
    return [{k: v for k, v in run.items() if k not in private} for run in found]


def train_rows(run: str, offset: int = 0) -> dict:
    """Rows a run has logged from byte ``offset`` on, and the offset to go on from."""

    rows, end = runs.rows(_answer(runs.find, run).folder, max(0, offset))
    return {"rows": rows, "offset": end}


def train_pause(run: str) -> str:
    """Holds a running run; train_resume lets it go on."""
    return _acted(jobs.pause, run)


def train_stop(run: str) -> str:
    """Has a running run save and end, or takes a waiting one out of the queue."""
    return _acted(jobs.stop, run)


def train_resume(run: str, steps: int = 0, lr: float = 0.0) -> str:
    """Lets a paused run go on, or queues one that ended; steps and lr other than 0 replace its."""
    changes = {key: value for key, value in {"steps": steps, "lr": lr}.items() if value}
    return _acted(lambda run_id: jobs.resume(run_id, changes), run)


def train_export(run: str, name: str = "") -> str:
    """Makes a run's best weights a checkpoint that every page finds; returns its name."""
    return _answer(export.export, run, name).name  # type: ignore[no-any-return]


def _acted(act: Callable[[str], Any], run: str) -> str:
    found = _answer(runs.find, run)
    _answer(act, found.id)
    return f"asked {found.id}"


def _answer(function: Callable[..., Any], *values: Any) -> Any:
    return _told(function, page=False)(*values)


def _api() -> None:
    endpoints: tuple[Callable[..., Any], ...] = (
        train_start, train_list, train_rows, train_pause, train_stop, train_resume, train_export,
    )  # fmt: skip
    for endpoint in endpoints:
        gr.api(endpoint, api_name=endpoint.__name__)
