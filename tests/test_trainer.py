"""The one training loop: equal after a resume, whole after a crash, clear about what went wrong."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from genapp import checkpoints
from genapp.errors import UserError
from genapp.trainer import doctor, own_data, runs
from genapp.trainer.config import Job, clean
from genapp.trainer.loop import Hooks, Shuffler, Task, TrainConfig, Trainer

CONFIG = TrainConfig(steps=10, batch=8, lr=0.01, log_every=1, eval_every=100, half=False)


def toy_task(config: TrainConfig = CONFIG) -> Task:
    """A net with dropout and Adam on a line: every source of randomness, in milliseconds."""
    torch.manual_seed(config.seed)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
    y = x.sum(1, keepdim=True)
    pick = Shuffler(64, config.batch, config.seed)

    def losses(net: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        return {"loss": (net(batch[0]) - batch[1]).square().mean()}

    return Task(
        model=model,
        optimizers={"adam": torch.optim.Adam(model.parameters(), lr=config.lr)},
        batch=lambda k: (x[pick(k)], y[pick(k)]),
        losses=losses,
        evaluate=lambda net: {"val_loss": (net(x) - y).square().mean().item()},
        preview=lambda net: f"{net(x[:1]).item():.3f}",
        family="toy",
        preset="line",
        config={},
        data=[{"name": "a line", "licence": "none", "source": "here"}],
    )


def recipe(preset: str, config: TrainConfig, data: Path | None = None) -> Task:
    """The toy of test_jobs; every preset but "fast" has something wrong with it."""
    task = toy_task(config)
    usual = task.batch
    if preset == "lazy":
        time.sleep(30)
    if preset == "broken":
        raise KeyError("colour")

    def batch(k: int) -> tuple[Tensor, Tensor]:
        if preset == "slow":
            time.sleep(0.01)
        if k == 20 and preset == "hungry":
            raise MemoryError
        if k == 20 and preset == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        x, y = usual(k)
        return (x * float("nan"), y) if k >= 20 and preset == "sick" else (x, y)

    task.batch = batch
    return task


def trained(folder: Path, config: TrainConfig = CONFIG, stop_at: int = -1, hooks=None) -> Trainer:
    hooks = hooks or Hooks(should_stop=lambda step: step == stop_at)
    trainer = Trainer(toy_task(config), config, folder, hooks)
    trainer.resume()
    trainer.fit()
    return trainer


def weights(trainer: Trainer) -> dict[str, Tensor]:
    state = trainer.raw_model.state_dict()
    moments = {
        f"{name}.{key}": value
        for name, values in trainer.task.optimizers["adam"].state_dict()["state"].items()
        for key, value in values.items()
    }
    return {**{k: v.clone() for k, v in state.items()}, **moments}


def assert_equal(a: Trainer, b: Trainer) -> None:
    first, second = weights(a), weights(b)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


@pytest.mark.parametrize("accumulate", [1, 2])
def test_five_and_five_steps_equal_ten(tmp_path, accumulate):
    config = replace(CONFIG, accumulate=accumulate)
    whole = trained(tmp_path / "whole", config)
    assert trained(tmp_path / "halves", config, stop_at=5).step == 5
    resumed = trained(tmp_path / "halves", config)
    assert resumed.step == 10
    assert_equal(whole, resumed)
    assert resumed.best == whole.best


def test_resuming_brings_back_what_the_task_collected(tmp_path):
    def collecting() -> Trainer:
        task = toy_task()
        task.files = {"seen.txt": b""}
        trainer = Trainer(task, CONFIG, tmp_path)
        trainer.resume()
        return trainer

    first = collecting()
    first.task.files["seen.txt"] = b"twelve pictures"
    first.fit()
    assert collecting().task.files == {"seen.txt": b"twelve pictures"}


def test_a_new_rate_applies_after_a_resume(tmp_path):
    trained(tmp_path, stop_at=5)
    rows = []
    slower = replace(CONFIG, lr=0.001)
    trained(tmp_path, slower, hooks=Hooks(log=rows.append))
    assert rows[0]["step"] == 6
    assert rows[0]["lr"] == pytest.approx(0.001 * slower.rate(5))


# A save renames old → aside and new → place, first for best/, then for last/.
MOMENTS = ("step 8", "rename 1", "rename 2", "rename 3", "rename 4")

KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)  # a forked process has no thread pool
sys.path.insert(0, sys.argv[1])
from test_trainer import CONFIG, toy_task
from genapp.trainer.loop import Hooks, Trainer

real = Path.rename

def train(folder, moment):
    calls = [0]
    def die(now):
        if now == moment:
            os.kill(os.getpid(), signal.SIGKILL)
    def rename(self, target):
        calls[0] += 1
        die(f"rename {calls[0]}")
        return real(self, target)
    hooks = Hooks(log=lambda row: die(f"step {row['step']}"))
    trainer = Trainer(toy_task(), CONFIG, Path(folder), hooks)
    trainer.resume()
    Path.rename = rename
    trainer.fit()

train(sys.argv[2], "")  # what is imported late is imported once
for folder, moment in zip(sys.argv[3::2], sys.argv[4::2]):
    child = os.fork()
    if child == 0:
        train(folder, moment)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_kill_at_any_moment_loses_nothing(tmp_path):
    whole = trained(tmp_path / "whole")
    folders = {moment: tmp_path / moment for moment in MOMENTS}
    for folder in folders.values():
        trained(folder, stop_at=5)
    pairs = [str(part) for moment, folder in folders.items() for part in (folder, moment)]
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path / "first")]
    killed = subprocess.run([*command, *pairs], check=False, capture_output=True, text=True)
    assert killed.stdout.split() == ["-9"] * len(MOMENTS), killed.stderr
    for folder in folders.values():
        resumed = trained(folder)
        assert_equal(whole, resumed)
        assert checkpoints.load(folder / "best").meta.step in {5, 10}
        assert not [p for p in folder.iterdir() if p.name.startswith(".")]  # no litter


def test_a_full_disk_is_told_and_the_old_checkpoint_stays(tmp_path, monkeypatch):
    trained(tmp_path, stop_at=5)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        trained(tmp_path)
    monkeypatch.undo()
    assert checkpoints.load(tmp_path / "last").meta.step == 5
    assert_equal(trained(tmp_path), trained(tmp_path.with_name("whole")))


def test_infinite_losses_and_weights_are_called_divergence(tmp_path):
    trained(tmp_path, stop_at=5)
    task = toy_task()
    task.losses = lambda net, batch: {"loss": net(batch[0]).sum() * float("nan")}
    trainer = Trainer(task, CONFIG, tmp_path)
    trainer.resume()
    with pytest.raises(UserError, match=r"diverged at step 6.*lower rate than 0\.01"):
        trainer.fit()
    quiet = Trainer(task, replace(CONFIG, log_every=1000), tmp_path)
    quiet.resume()
    with pytest.raises(UserError, match="diverged"):
        quiet.fit()
    assert checkpoints.load(tmp_path / "last").meta.step == 5


def test_a_slow_run_shows_something_early(tmp_path, monkeypatch):
    monkeypatch.setattr("genapp.trainer.loop.FIRST_LOOK", 0.0)
    seen = []
    trained(tmp_path, hooks=Hooks(preview=lambda step, shown: seen.append(step)))
    assert seen == [1, 10]


def test_shuffled_batches_cover_an_epoch_and_follow_from_the_seed():
    pick = Shuffler(10, 3, seed=4)
    epoch = torch.cat([pick(k) for k in range(3)])
    assert len(set(epoch.tolist())) == 9
    again = Shuffler(10, 3, seed=4)
    assert torch.equal(again(5), pick(5))
    assert not torch.equal(pick(0), pick(3))


def test_impossible_settings_are_refused_in_words():
    for name, value in (("steps", 0), ("lr", float("nan")), ("seed", -1), ("precision", "int4")):
        with pytest.raises(UserError, match=f"{name} is .*{value}.* — (give|choose)"):
            TrainConfig(**{"steps": 1, "batch": 1, name: value})
    assert clean({"steps": "200", "lr": "1e-4"}) == {"steps": 200, "lr": 1e-4}
    for wrong in ({"steps": 1.5}, {"steps": "many"}, {"colour": 3}, {"lr": None}):
        with pytest.raises(UserError):
            clean(wrong)


# The doctor -----------------------------------------------------------------------------------


def rows_of(train: list[float], val: list[float] = (), **more: float) -> list[dict[str, float]]:
    """Training rows, with evaluations spread evenly among them."""
    rows = [{"step": 10 * (i + 1), "loss": v, **more} for i, v in enumerate(train)]
    gap = len(train) // max(1, len(val))
    for i, v in enumerate(val):
        rows[(i + 1) * gap - 1 : (i + 1) * gap - 1] = [{"step": 10 * (i + 1) * gap, "val_loss": v}]
    return rows


FALLING = [1 / (1 + 0.1 * i) for i in range(100)]


@pytest.mark.parametrize(
    ("rows", "config", "word"),
    [
        (rows_of([2.0, float("nan")]), {}, "Diverged"),
        (rows_of([2.0, 1.5, 1.2] + [1.0 + 0.4 * i for i in range(40)]), {}, "Diverging"),
        (rows_of(FALLING, [0.9, 0.5, 0.3, 0.4, 0.5]), {}, "Over-fitting"),
        (rows_of([0.5] * 400), {}, "Stalled"),
        (rows_of([0.5] * 40, [0.7] * 20), {}, "Stalled"),
        (rows_of(FALLING, kl=0.05), {"z": 2}, "Collapse"),
        (rows_of(FALLING, kl=9.0, active=1), {"z": 16}, "Collapse"),
        (rows_of(FALLING, dead=0.7), {}, "Collapse"),
    ],
)
def test_the_doctor_names_what_is_wrong(rows, config, word):
    found = doctor.advice(rows, config)
    assert found
    assert found[0].startswith(word)
    assert all(" — " in words for words in found)  # what happened — what to try


@pytest.mark.parametrize(
    "rows",
    [
        [],
        rows_of(FALLING),
        rows_of(FALLING, [0.9, 0.5, 0.3, 0.25, 0.2, 0.15]),
        rows_of(FALLING, kl=5.0, active=2),
        rows_of([-float(i) for i in range(100)]),  # a likelihood may be negative
    ],
)
def test_the_doctor_leaves_healthy_runs_alone(rows):
    assert doctor.advice(rows, {"z": 2}) == []


# The files of a run ---------------------------------------------------------------------------


@pytest.fixture
def run():
    return runs.create(Job(family="toy", preset="line"))


def test_rows_are_read_on_from_where_the_reader_was(run):
    path = run.folder / runs.METRICS
    path.write_text('{"step": 1, "loss": 2}\n{"step": 2, "lo')
    first, offset = runs.rows(run.folder)
    assert first == [{"step": 1, "loss": 2}]
    path.write_text('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\nnonsense\n')
    assert runs.rows(run.folder, offset)[0] == [{"step": 2, "loss": 1}]
    runs.cut_rows(run.folder, 1)
    assert runs.rows(run.folder, 10_000)[0] == [{"step": 1, "loss": 2}]


def test_long_curves_are_thinned_to_what_a_screen_shows():
    found = runs.series([{"step": i, "loss": float(i)} for i in range(10_000)], most=500)
    assert len(found["loss"]) <= 501
    assert found["loss"][0] == [0, 0.0]
    assert found["loss"][-1] == [9999, 9999.0]


def test_a_long_film_of_previews_keeps_its_ends(run, monkeypatch):
    monkeypatch.setattr(runs, "MOST_PREVIEWS", 10)
    for step in range(1, 30):
        runs.add_preview(run.folder, step, f"text {step}")
    kept = list(runs.previews(run.folder))
    assert len(kept) <= 10
    assert kept[0] == 1
    assert kept[-1] == 29


def test_a_status_is_written_even_on_a_full_disk(run, monkeypatch):
    real = Path.write_text

    def full(self, *args, **kwargs):
        if self.name.startswith("."):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full)
    runs.write_status(run.folder, run.status, state="failed", message="The disk is full")
    assert runs.read_status(run.folder).message == "The disk is full"


@pytest.mark.parametrize("wanted", ["", "../..", "/etc", "no-such-run", "checkpoints", ".lock"])
def test_an_id_from_outside_is_looked_up_and_never_a_path(run, wanted):
    with pytest.raises(UserError, match="run"):
        runs.find(wanted)


def test_a_run_is_found_by_what_a_person_would_type(run):
    for wanted in (run.id, run.id[:9], run.id[-4:], "last"):
        assert runs.find(wanted).id == run.id


def test_a_damaged_folder_does_not_hide_the_others(run):
    shutil.copytree(run.folder, run.folder.with_name("broken"))
    (run.folder.with_name("broken") / runs.CONFIG).write_text("{")
    assert [r.id for r in runs.listing()] == [run.id]
    (run.folder / runs.STATUS).write_text("{")
    assert runs.find(run.id).status.state == "interrupted"
    assert json.loads((run.folder / runs.CONFIG).read_text())["preset"] == "line"


# Own data -------------------------------------------------------------------------------------


def picture(path: Path, size: tuple[int, int] = (8, 8)) -> Path:
    Image.new("RGB", size, "teal").save(path)
    return path


def test_own_pictures_come_as_files_or_zip_under_our_names(tmp_path):
    files = [picture(tmp_path / f"{i}.png") for i in range(6)]
    bundle = tmp_path / "more.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        for i in range(4):
            archive.write(files[0], f"../../evil{i}.png")
        archive.writestr("__MACOSX/._evil.png", b"no picture")
    folder = own_data.take("images", [*files, bundle], tmp_path / "run" / "data")
    assert sorted(p.name for p in folder.iterdir()) == [f"{i:05d}.png" for i in range(1, 11)]
    assert not list(tmp_path.parent.rglob("evil*"))


def test_bad_pictures_are_refused(tmp_path, monkeypatch):
    text = tmp_path / "photo.png"
    text.write_text("not a picture")
    few = [picture(tmp_path / "one.png")]
    with pytest.raises(UserError, match=r"photo\.png is not a picture"):
        own_data.take("images", [text], tmp_path / "a")
    with pytest.raises(UserError, match="at least 8"):
        own_data.take("images", few, tmp_path / "b")
    monkeypatch.setattr(own_data, "IMAGES", 1)
    with pytest.raises(UserError, match="Too much"):
        own_data.take("images", few * 2, tmp_path / "c")
