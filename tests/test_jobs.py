"""Training runs as processes: queued, paused, killed, resumed, exported; and the command line."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genapp import checkpoints, registry
from genapp.errors import UserError
from genapp.spec import FamilySpec, Preset
from genapp.trainer import export, jobs, runs, worker
from genapp.trainer.config import Job
from genapp.trainer.runs import Run, Status

HERE = Path(__file__).parent

NUMBERS = {"steps": 60, "batch": 4, "lr": 0.01, "log_every": 5, "eval_every": 50}
FAULTS = ("sick", "hungry", "broken", "full", "lazy")  # see test_trainer.recipe


def preset(**numbers: int) -> Preset:
    return Preset(title="", config={}, train={"cpu": {**NUMBERS, **numbers}})


PRESETS = {"fast": preset(), "slow": preset(steps=100_000), **{f: preset() for f in FAULTS}}
TOY = FamilySpec(
    name="toy", title="Toy", blurb="", page="Toys", tabs=(), presets=PRESETS, request=object,
    model="", generate="", thumbnail="", recipe="test_trainer:recipe", own_data="text",
)  # fmt: skip
EVERYWHERE = (
    "import genapp.registry as r, test_jobs\nr.all_families = lambda: {'toy': test_jobs.TOY}"
)


@pytest.fixture(autouse=True)
def toy(tmp_path, monkeypatch) -> Iterator[None]:
    """A family called toy, the only one, in this process and in every process it starts."""
    (tmp_path / "sitecustomize.py").write_text(EVERYWHERE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (tmp_path, HERE.parent, HERE))))
    monkeypatch.setenv("GENAPP_THREADS", "1")
    monkeypatch.setenv("GENAPP_JOBS", "1")
    monkeypatch.setenv("GENAPP_NICE", "0")
    monkeypatch.setattr(registry, "all_families", lambda: {"toy": TOY})
    yield
    for run in runs.listing():
        if run.status.pid not in {0, os.getpid()} and jobs.alive(run.status):
            os.kill(run.status.pid, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    from genapp.trainer import __main__ as command  # not on top: children import this file

    return command.main(arguments)


@pytest.fixture
def still(monkeypatch) -> list[str]:
    """Nothing is really launched; the ids that would have been are noted."""
    launched: list[str] = []

    def launch(run: Run) -> None:
        launched.append(run.id)
        runs.write_status(run.folder, run.status, **jobs._this_process())

    monkeypatch.setattr(jobs, "launch_process", launch)
    return launched


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, [(r.id, r.status) for r in runs.listing()]
        time.sleep(0.05)


def status(run_id: str) -> Status:
    return runs.find(run_id).status


def ended(preset: str, **job: object) -> Run:
    """A run trained to its end in this process."""
    worker.work(run := jobs.prepare(Job(family="toy", preset=preset, **job), here=True))
    return runs.find(run.id)


# Real processes -------------------------------------------------------------------------------


def test_a_day_in_the_life_of_the_queue():
    """Queued, paused, killed, resumed behind the other, stopped; without any server."""
    slow, fast = (jobs.submit(Job(family="toy", preset=p)) for p in ("slow", "fast"))
    folder = runs.find(slow).folder
    wait_for(lambda: status(slow).step > 60)
    assert runs.previews(folder)
    assert status(slow).step - runs.rows(folder)[0][-1]["step"] < 150  # a second behind at most

    jobs.pause(slow)
    wait_for(lambda: status(slow).state == "paused")
    held = status(slow).step
    time.sleep(0.5)
    assert (status(slow).step, status(fast).state) == (held, "queued")
    jobs.resume(slow)
    wait_for(lambda: status(slow).step > held)

    os.kill(status(slow).pid, signal.SIGKILL)
    wait_for(lambda: not jobs.alive(status(slow)))
    jobs.scheduler.tick()
    assert (status(slow).state, status(fast).state) == ("interrupted", "running")
    assert "resume continues from the last checkpoint" in status(slow).message

    jobs.resume(slow)
    assert status(slow).state == "queued"
    wait_for(lambda: "from step" in status(slow).message)
    assert status(fast).state == "finished"  # its process made room for the one behind it
    jobs.stop(slow)
    wait_for(lambda: status(slow).state == "stopped")
    assert checkpoints.read_meta(folder / "last").step == status(slow).step
    steps = [row["step"] for row in runs.rows(folder)[0]]
    assert steps == sorted(steps)


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "genapp.trainer", "train", "toy", "--preset", "slow"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    shell = subprocess.Popen(command, cwd=tmp_path, **pipes)
    wait_for(lambda: runs.listing() and runs.listing()[0].status.step > 20)
    run = runs.listing()[0]
    shell.send_signal(signal.SIGINT)
    output = shell.communicate(timeout=30)[0]
    assert shell.returncode == 0, output
    for part in (f"python -m genapp.trainer resume {run.id}", "Stopped and saved at step"):
        assert part in output
    assert checkpoints.read_meta(run.folder / "last").step == runs.find("last").status.step


@pytest.mark.slow
def test_two_processes_train_one_run_under_accelerate(tmp_path):
    launch = "from accelerate.commands.accelerate_cli import main; main()"
    options = ["--cpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"]
    train = ["-m", "genapp.trainer", "train", "toy", "--preset", "fast"]
    command = [sys.executable, "-c", launch, "launch", *options, "--dynamo_backend", "no", *train]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [run.status.state for run in runs.listing()] == ["finished"]
    steps = [row["step"] for row in runs.rows(runs.find("last").folder)[0] if "loss" in row]
    assert steps == sorted(set(steps))


# The queue ------------------------------------------------------------------------------------


def test_the_limit_is_kept_and_the_queue_moves_in_order(still, monkeypatch):
    monkeypatch.setenv("GENAPP_JOBS", "2")
    ids = [jobs.submit(Job(family="toy", preset="fast")) for _ in range(5)]
    assert still == ids[:2]
    done = runs.find(ids[0])
    runs.write_status(done.folder, done.status, state="finished")
    jobs.scheduler.tick()
    assert still == ids[:3]
    jobs.stop(ids[3])
    assert status(ids[3]).state == "stopped"
    jobs.delete(ids[3])
    assert [r.id for r in jobs.waiting(runs.listing())] == [ids[4]]


def test_two_servers_never_start_a_run_twice(still):
    jobs.prepare(Job(family="toy", preset="fast"))
    threads = [threading.Thread(target=jobs.Scheduler().tick) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(still) == 1


def test_a_reused_process_number_is_not_the_run(still):
    run = runs.find(jobs.submit(Job(family="toy", preset="fast")))
    runs.write_status(run.folder, run.status, born=run.status.born - 1000, step=7)
    assert not jobs.alive(runs.find(run.id).status)
    jobs.scheduler.tick()
    assert status(run.id).state == "interrupted"


def test_what_cannot_be_asked_of_a_run_is_refused(still, monkeypatch):
    run_id = jobs.submit(Job(family="toy", preset="fast"))
    waiting = jobs.submit(Job(family="toy", preset="fast"))
    for act, run, message in (
        (jobs.resume, run_id, "running"),
        (jobs.delete, run_id, "stop it first"),
        (jobs.pause, waiting, "only a running one"),
        (jobs.resume, waiting, "queued"),
    ):
        with pytest.raises(UserError, match=message):
            act(run)
    monkeypatch.setattr(jobs, "QUEUE", 1)
    with pytest.raises(UserError, match="queue is full"):
        jobs.submit(Job(family="toy", preset="fast"))
    assert len(runs.listing()) == 2


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"family": "toys"}, "choose one of toy"),
        ({"preset": "huge"}, "choose one of fast"),
        ({"scale": "gpu"}, "no scale 'gpu'"),
        ({"overrides": {"steps": 0}}, "steps is 0"),
        ({"overrides": {"half": "x", "color": 1}}, "Unknown setting"),
        ({"data": "/nowhere/text.txt"}, "There is no"),
        ({"data": "/"}, "is a folder"),
    ],
)
def test_an_impossible_job_leaves_no_trace(still, job, message):
    with pytest.raises(UserError, match=message):
        jobs.submit(Job(**{"family": "toy", "preset": "fast", **job}))
    assert runs.listing() == []


def test_own_text_is_copied_and_checked(still, tmp_path):
    good = tmp_path / "poems.txt"
    good.write_text("A rose is a rose. " * 100)
    run = runs.find(jobs.submit(Job(family="toy", preset="fast"), [good]))
    assert Path(run.job.data).read_text().startswith("A rose")
    assert Path(run.job.data).is_relative_to(run.folder)
    bad = tmp_path / "bad.txt"
    for blob, message in ((b"\xff\xfe\x00" * 999, "UTF-8"), (b"short", "at least 1,000")):
        bad.write_bytes(blob)
        with pytest.raises(UserError, match=message):
            jobs.submit(Job(family="toy", preset="fast"), [bad])
    assert len(runs.listing()) == 1


# The worker -----------------------------------------------------------------------------------


def test_a_run_leaves_everything_a_page_needs():
    run = ended("fast", name="My first")
    s = run.status
    assert (s.state, s.step, s.steps, s.score) == ("finished", 60, 60, "val_loss")
    assert run.status.best == pytest.approx(
        checkpoints.read_meta(run.folder / "best").metrics["val_loss"]
    )
    found = runs.series(runs.rows(run.folder)[0])
    assert [p[0] for p in found["val_loss"]][-2:] == [50, 60]  # a busy machine looks earlier too
    assert found["loss"][0][0] == 1
    assert list(runs.previews(run.folder))[-2:] == [50, 60]
    assert runs.find("My first").id == run.id


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ("sick", r"diverged at step \d+: loss.* — resume .* lower rate than 0\.01"),
        ("hungry", "Out of memory — try a smaller batch"),
        ("broken", r"KeyError: 'colour'\) — log.txt holds the details"),
        ("full", "disk is full — free some space"),
    ],
)
def test_a_failure_is_told_in_words(preset, message):
    run = ended(preset)
    assert run.status.state == "failed"
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(run.status.message)


def test_a_finished_run_can_be_made_longer():
    run = ended("fast")
    with pytest.raises(UserError, match="more steps"):
        jobs.resume(run.id)
    longer = jobs.enqueue(run, {"steps": 80}, here=True)
    assert worker.work(longer).step == 80
    judged = [p[0] for p in runs.series(runs.rows(run.folder)[0])["val_loss"]]
    assert judged[-3:] == [50, 60, 80]  # and none right after the resume


def test_stopping_while_it_prepares_does_not_wait(still):
    run = jobs.prepare(Job(family="toy", preset="lazy"), here=True)
    threading.Timer(0.5, lambda: jobs.stop(run.id)).start()
    began = time.monotonic()
    assert worker.work(run).state == "stopped"
    assert time.monotonic() - began < 20


def test_a_run_belongs_to_one_process(still):
    run = runs.find(jobs.submit(Job(family="toy", preset="fast")))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        born = jobs.psutil.Process(other.pid).create_time()
        runs.write_status(run.folder, run.status, state="running", pid=other.pid, born=born)
        with pytest.raises(UserError, match="already running"):
            worker.work(run)
        other.kill()


# Export and the command line ------------------------------------------------------------------


def test_the_best_weights_become_a_checkpoint():
    run = ended("fast")
    folder = export.export(run.id, "My Own / Name!")
    assert folder == checkpoints.home() / "checkpoints" / "toy" / "my-own-name"
    assert checkpoints.find("toy") == {"my-own-name": folder}
    loaded = checkpoints.load(folder)
    assert loaded.meta.family == "toy"
    assert {str(t.dtype) for t in loaded.tensors.values()} == {"torch.float16"}
    assert export.export(run.id, "my-own-name") == folder  # again: replaces its own
    other = ended("fast")
    with pytest.raises(UserError, match="choose another name"):
        export.export(other.id, "my-own-name")
    assert export.export(other.id, "my-own-name", replace=True) == folder
    with pytest.raises(UserError, match="is no name"):
        export.export(run.id, "//..//")
    (run.folder / "best" / "weights.safetensors").write_bytes(b"rust")
    with pytest.raises(UserError, match="damaged"):
        export.export(run.id, "another")


def test_the_archive_holds_the_run_without_private_data():
    run = ended("fast")
    (run.folder / "data").mkdir()
    (run.folder / "data" / "text.txt").write_text("private")
    names = zipfile.ZipFile(export.archive(run.id)).namelist()
    parts = {name.split("/", 1)[1] for name in names}
    assert {"config.json", "metrics.jsonl", "best/weights.safetensors"} <= parts
    assert not any("data" in part or "state" in part.removeprefix("status") for part in parts)


def test_the_command_line_from_training_to_export(capsys, tmp_path):
    assert main(["train", "toy", "--preset", "fast", "--steps", "20", "--name", "short"]) == 0
    output = capsys.readouterr().out
    assert "20/20" in output
    assert "Finished: held-out loss" in output
    assert main(["list"]) == 0
    assert "finished" in capsys.readouterr().out
    assert main(["resume", "short", "--steps", "30"]) == 0
    assert "Training from step 20." in capsys.readouterr().out
    assert main(["export", "short", "tiny", "--to", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / "toy" / "tiny")
    assert checkpoints.read_meta(tmp_path / "out" / "toy" / "tiny").step in {20, 30}
    assert main(["train", "toy", "--preset", "sick"]) == 1
    assert "diverged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nothing"], "error: Unknown family 'nothing' — choose one of toy."),
        (["train", "toy", "--lr", "99"], "give a rate between 0 and 10"),
        (["resume", "nothing"], "No run is called 'nothing'"),
        (["export", "last"], "none yet"),
        (["stop", "../x"], "No run is called"),
    ],
)
def test_a_mistake_is_one_line(capsys, arguments, message):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_help_does_not_pay_for_torch():
    code = "import sys, genapp.trainer.__main__ as m; m.parser().format_help(); "
    code += "assert not {'torch', 'accelerate', 'gradio', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_home_that_cannot_be_written_is_told(monkeypatch, capsys):
    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert main(["train", "toy"]) == 1
    assert "GENAPP_HOME" in capsys.readouterr().err


# What the page asks for -----------------------------------------------------------------------


def test_the_page_sees_a_run_and_gets_a_curve_only_once():
    from genapp.ui.widgets.run_view.widget import run_act, run_preview, run_watch

    run = ended("fast")
    news = run_watch({"seen": {run.id: 0, "../..": 0}})
    assert news["runs"][0]["state"] == "finished"
    detail = news["details"].pop(run.id)
    assert detail["series"]["val_loss"][-1][0] == 60
    assert not news["details"]
    assert run_watch({"seen": {run.id: detail["offset"]}})["details"][run.id]["series"] == {}
    assert run_preview({"run": run.id, "step": detail["previews"][-1]})["text"]
    for request in ({"run": "../..", "step": 1}, {"run": run.id, "step": "x"}, None):
        assert run_preview(request)["error"]
    assert "more steps" in run_act({"run": run.id, "act": "resume"})["error"]
    assert "failed" not in run_act({"run": run.id, "act": "rm -rf"})["error"]
