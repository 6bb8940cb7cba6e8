"""``python -m labkit run`` and ``sweep``, as a scheduler sees them: what is left behind, codes, messages."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas
import pytest

from labkit import History, _progress, run
from labkit.__main__ import main
from labkit.commands import settings
from labkit.experiments import EXPERIMENTS, grokking
from tests.waiting import PATIENCE, until

SMALL = ["--set", "modulus=13", "--set", "width=16"]
#: A run that nobody waits for: it is ended by a signal.
LONG = ["run", "grokking", *SMALL, "--steps", "1000000", "--every", "100"]


def start(*words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "labkit", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def wait_for(there, process):
    """Until ``there()`` holds; fail if the process ends before."""

    def come():
        assert process.poll() is None, process.communicate()
        return there()

    until(come)


def same(one, other):
    assert one.step == other.step and one.events == other.events and one.columns == other.columns
    np.testing.assert_array_equal(one.steps, other.steps)
    np.testing.assert_array_equal(one.scalars.values, other.scalars.values)
    assert one.profiles.keys() == other.profiles.keys() and one.state.keys() == other.state.keys()
    for name, rows in one.profiles.items():
        np.testing.assert_array_equal(rows.values, other.profiles[name].values)
    for name, value in one.state.items():
        np.testing.assert_array_equal(value.numpy(), other.state[name].numpy())


# ------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_run_that_is_ended_goes_on_as_if_it_had_not_been(sent, code, tmp_path, capsys):
    """After SIGTERM and Ctrl-C from the very step; after SIGKILL from the last checkpoint, which is whole."""
    out = tmp_path / "deep" / "run"
    often = 0 if sent == signal.SIGKILL else 0.2  # killed while it writes, more often than not
    process = start(*LONG, "--out", out, "--checkpoint-every", often)
    wait_for((out / "history.run").exists, process)
    time.sleep(0.1)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, errors
    stopped = History.load(out / "history.run")
    assert 0 < stopped.step < 1_000_000 and stopped.state
    if sent != signal.SIGKILL:
        assert f"labkit: {out}: saved at step {stopped.step:,}; run the same command to go on\n" in errors
        assert sorted(each.name for each in out.iterdir()) == ["code.py", "history.csv", "history.run"]
    steps = stopped.step + 150
    assert main([*LONG, "--out", str(out), "--steps", str(steps)]) == 0
    assert f"{out}: going on from step {stopped.step:,}" in capsys.readouterr().err
    config = grokking.Config(modulus=13, width=16)
    same(History.load(out / "history.run"), run(config, steps, every=100, progress=False))


def test_a_second_ctrl_c_acts_at_once_and_leaves_the_last_checkpoint(tmp_path, monkeypatch, capsys):
    step, calls = grokking.Grokking.step, []

    def impatient(self):
        calls.append(step(self))
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(grokking.Grokking, "step", impatient)
    words = ["run", "grokking", *SMALL, "--steps", "20", "--checkpoint-every", "0", "--out", str(tmp_path)]
    assert main(words) == 130
    error = capsys.readouterr().err
    assert "labkit: stopped at once, the last checkpoint stands; run the same command to go on\n" in error
    assert History.load(tmp_path / "history.run").step == 4
    assert main(words) == 0
    same(
        History.load(tmp_path / "history.run"),
        run(grokking.Config(modulus=13, width=16), 20, progress=False),
    )


def test_a_sweep_that_is_ended_keeps_what_is_finished(tmp_path):
    words = ["sweep", "grokking", "--over", "width=16,4096", "--steps", "2000"]  # the second takes minutes
    process = start(*words, "--workers", "1", "--out", tmp_path)
    wait_for(lambda: list(tmp_path.glob("points/*.run")), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143, errors
    assert f"{tmp_path}: stopped with 1 run to do; finished runs are saved, run the same" in errors
    (kept,) = (tmp_path / "points").iterdir()
    assert History.load(kept).step == 2000
    frame = pandas.read_csv(tmp_path / "sweep.csv", keep_default_na=False)
    assert frame["error"].tolist() == ["", "interrupted"]


def test_a_sweep_computes_only_what_is_missing(tmp_path, capsys):
    words = ["sweep", "grokking", *SMALL, "--steps", "20", "--out", str(tmp_path), "--over"]
    assert main([*words, "seed=0:2"]) == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "points").iterdir()}
    assert main([*words, "seed=0:3", "--over", "weight_decay=2,0.5"]) == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "points").iterdir()}
    assert len(before) == 2 and len(after) == 6 and before.items() <= after.items()
    frame = pandas.read_csv(tmp_path / "sweep.csv")
    assert frame[["seed", "weight_decay"]].values.tolist() == [
        [seed, decay] for seed in range(3) for decay in (2.0, 0.5)
    ]
    assert "train_solved" in capsys.readouterr().out
    assert main([*words, "seed=0:2", "--curves"]) == 0
    curves = pandas.read_csv(tmp_path / "curves.csv")
    assert curves["seed"].tolist() == [0] * 21 + [1] * 21 and curves["step"].max() == 20


# ------------------------------------------------------------------------------- folders and their runs


def test_a_folder_holds_one_run_which_is_finished_once(tmp_path, capsys):
    words = ["run", "grokking", *SMALL, "--out", str(tmp_path)]
    assert main([*words, "--steps", "40"]) == 0
    written = (tmp_path / "history.run").read_bytes()
    assert main([*words, "--steps", "40"]) == 0
    assert "finished already, at step 40; a larger --steps goes on from there" in capsys.readouterr().err
    assert (tmp_path / "history.run").read_bytes() == written
    assert main([*words, "--steps", "40", "--set", "width=32"]) == 2
    assert "holds another run (width: 16, not 32); allowed: its own settings" in capsys.readouterr().err
    assert (tmp_path / "history.run").read_bytes() == written
    assert main([*words, "--steps", "300"]) == 0
    whole = run(grokking.Config(modulus=13, width=16), 300, progress=False)
    same(History.load(tmp_path / "history.run"), whole)
    assert (tmp_path / "code.py").read_text() == whole.code()
    table = pandas.read_csv(tmp_path / "history.csv")
    assert table["step"].tolist() == whole.steps.tolist()


def test_a_run_that_diverges_fails_with_its_reason(tmp_path, capsys):
    words = ["run", "grokking", *SMALL, "--set", "optimizer=sgd", "--set", "learning_rate=100"]
    words += ["--steps", "100", "--out", str(tmp_path)]
    assert main(words) == main(words) == 1  # to go on does not help
    assert capsys.readouterr().out.count("(the run diverged)") == 2


def test_a_point_that_fails_fails_the_sweep_and_is_named(tmp_path, monkeypatch, capsys):
    measure = grokking.Grokking.measure

    def failing(self):
        if self.config.seed == 1:
            raise RuntimeError("out of luck")
        return measure(self)

    monkeypatch.setattr(grokking.Grokking, "measure", failing)
    monkeypatch.setattr(grokking.Grokking, "ensemble", None, raising=False)
    monkeypatch.delattr(grokking.Grokking, "ensemble")
    words = ["sweep", "grokking", *SMALL, "--over", "seed=0:3", "--steps", "5", "--out", str(tmp_path)]
    assert main(words) == 1
    assert "labkit: failed: seed=1: RuntimeError: out of luck\n" in capsys.readouterr().err
    assert len(list((tmp_path / "points").iterdir())) == 2


def test_save_and_stop_belong_to_run_itself(tmp_path):
    seen = []

    def stop():
        seen.append(History.load(tmp_path / "a.run").step if len(seen) else None)
        return len(seen) == 5

    history = run(
        grokking.Config(modulus=13, width=16),
        50,
        save=tmp_path / "a.run",
        save_every=0,
        stop=stop,
        progress=False,
    )
    assert seen == [None, 0, 1, 2, 3]  # asked before the step's own state is saved
    assert history.step == 4 and history.notes == ["interrupted at step 4"]
    same(History.load(tmp_path / "a.run"), history)
    with pytest.raises(ValueError, match=r"save_every: got -1.0; allowed: a finite number, 0 or more"):
        run(grokking.Config(), 5, save_every=-1.0)


# ------------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "groking"], "experiment: got 'groking'; allowed: 'grokking'"),
        (["run", "grokking", "--set", "modulos=5"], "Did you mean 'modulus'?"),
        (["run", "grokking", "--set", "modulus"], "--set: got 'modulus'; allowed: name=value"),
        (["run", "grokking", "--set", "modulus=many"], "modulus: got 'many' (str); allowed: a whole number"),
        (["run", "grokking", "--set", "modulus=9.5"], "modulus: got 9.5 (float); allowed: a whole number"),
        (["run", "grokking", "--set", "float64_loss=maybe"], "got 'maybe'; allowed: True or False"),
        (["run", "grokking", "--preset", "Nunda"], "preset: got 'Nunda'; allowed: 'plateau'"),
        (["run", "grokking", "--preset", "p"], "preset: got 'p'; allowed:"),
        (["run", "grokking", "--preset", "paper", "--set", "model=mpl"], "model: got 'mpl'; allowed: 'mlp'"),
        (["run", "grokking", "--device", "gpu"], "device: got 'gpu'; allowed: 'cpu'"),
        (["run", "grokking", "--out", __file__], "test_commands.py', a file; allowed: a folder"),
        (["run", "grokking", "--out", f"{__file__}/a"], "which cannot be made (Not a directory)"),
        (["sweep", "grokking", "--over", "sed=1,2"], "Did you mean 'seed'?"),
        (["sweep", "grokking", "--over", "seed=0:x"], "--over seed: got '0:x'; allowed: start:stop"),
        (["sweep", "grokking", "--over", "seed=1:1"], "seed: got no values; allowed: one or more"),
        (["sweep", "grokking", "--over", "seed=1", "--over", "seed=2"], "--over seed: given twice"),
        (["sweep", "grokking", "--over", "width=64,2"], "width: got 2; allowed: a whole number from 8"),
        (["sweep", "grokking", "--until", "solved"], "until: got 'solved'; allowed: 'train solved'"),
    ],
)
def test_bad_arguments_are_one_line_and_code_2(words, message, capsys):
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("labkit: ") and message in line


@pytest.mark.parametrize(
    "words", [["--steps", "-1"], ["--every", "0"], ["--checkpoint-every", "nan"], ["--x"]]
)
def test_bad_options_are_code_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", "grokking", *words])
    assert ended.value.code == 2 and words[0] in capsys.readouterr().err


def test_without_dask_a_scheduler_is_refused_in_words(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["sweep", "grokking", "--scheduler", "tcp://nowhere:8786"]) == 2
    assert "pip install 'labkit[cluster]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preset", "sets", "wanted"),
    [
        ("Nanda et al.", [], grokking.Config.preset("Nanda et al.")),
        ("nanda", [], grokking.Config.preset("Nanda et al.")),
        ("paper", [], grokking.Config.preset("Doshi et al.")),
        ("paper", ["modulus=113", "model=transformer"], grokking.Config.preset("Nanda et al.")),
        (
            "paper",
            ["model=transformer", "weight_decay=0.5", "float64_loss=no", "width=1e2"],
            grokking.Config.preset("Nanda et al.", weight_decay=0.5, float64_loss=False, width=100),
        ),
        (None, ["task=a-b"], grokking.Config(task="a-b")),
    ],
)
def test_settings_go_over_the_preset(preset, sets, wanted):
    assert settings.config(grokking.Config, sets, preset) == wanted


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_aliases_name_presets_and_every_setting_can_be_said(name):
    kind = settings.kind(name)
    for field, names in kind.aliases.values():
        for value, preset in names.items():
            assert getattr(kind.preset(preset), field) == value
    said = [f"{field}={value}" for field, value in kind().values().items()]
    assert settings.config(kind, said) == kind()


def test_axes_are_lists_and_ranges():
    given = ["weight_decay=0.1,1,5", "seed=0:3", "width=8:64:16", "task=a+b,a-b"]
    assert settings.axes(grokking.Config, given) == {
        "weight_decay": [0.1, 1.0, 5.0],
        "seed": [0, 1, 2],
        "width": [8, 24, 40, 56],
        "task": ["a+b", "a-b"],
    }


# ------------------------------------------------------------------------------------------- progress


def test_a_log_gets_lines(tmp_path, monkeypatch):
    with open(tmp_path / "log", "w") as log:
        monkeypatch.setattr(sys, "stderr", log)
        monkeypatch.setattr(sys, "__stderr__", log)
        monkeypatch.setattr(_progress, "PAUSE", 0.0)
        with _progress.bar(4, unit="step", done=1) as bar:
            bar.set_postfix({"loss": "0.5"}, refresh=False)
            bar.update(1)
            bar.update(2)
    text = (tmp_path / "log").read_text()
    assert "\r" not in text and text.splitlines()[0].startswith("1 of 4 steps (25 %), 00:00 so far")
    assert "2 of 4 steps (50 %)" in text and "4 of 4 steps (100 %)" in text and "loss=0.5" in text
