"""The file of a history: what is wrong with it is said, and it is never half written."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import toy

from labkit import History, run


def test_a_file_from_before_extra_rows_were_marked(tmp_path):
    whole = run(toy.Config(), 301, progress=False)
    path = run(toy.Config(), 299, progress=False).save(tmp_path / "run.lab")
    rewrite(path, lambda manifest: manifest.pop("extra"))
    assert run(History.load(path), 301, progress=False).to_frame().equals(whole.to_frame())


def rewrite(path, change):
    """Change the manifest of a saved history."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"])
    change(manifest)
    parts["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("damage", ["truncated", "foreign", "empty"])
def test_damaged_files_say_what_is_wrong(tmp_path, damage):
    path = run(toy.Config(), steps=3, progress=False).save(tmp_path / "run.lab")
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        path.write_text("step,loss\n0,1\n" if damage == "foreign" else "")
    with pytest.raises(ValueError, match=r"path: got '.*run.lab', which is damaged or not a labkit history"):
        History.load(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", 99, r"was written in format 99 by a newer labkit; this one reads formats up to \d+"),
        ("config", ["os", "Config"], r"holds a run of os\.Config, which is not known here: import os first"),
        ("config", ["labkit.experiments.next_year", "Config"], r"next_year\.Config, .* here: update labkit"),
        ("config", ["labkit.experiments.grokking", "Grokking"], r"grokking\.Grokking, which is not known"),
        ("values", {"rat": 0.1}, r"another or newer labkit, .*field: got 'rat'; .*\): update labkit"),
        ("values", {"sign": "left"}, r"another or newer labkit, .*sign: got 'left'; allowed: 'down', 'up'"),
    ],
)
def test_sound_files_from_elsewhere_say_what_to_do(tmp_path, name, value, message):
    path = run(toy.Config(), steps=3, progress=False).save(tmp_path / "run.lab")
    rewrite(path, lambda manifest: manifest.update({name: value}))
    with pytest.raises(ValueError, match=r"^path: '.*run.lab' .*" + message):
        History.load(path)


def test_a_folder_is_not_a_history(tmp_path):
    with pytest.raises(
        ValueError, match=r"path: got '.*', a folder; allowed: a file written by History.save"
    ):
        History.load(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="no file modes")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
def test_a_saved_file_is_as_open_as_the_umask_says(tmp_path, umask, mode):
    history, before = run(toy.Config(), steps=3, progress=False), os.umask(umask)
    try:
        path = history.save(tmp_path / "run.lab")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_a_flipped_bit_is_noticed(tmp_path):
    path = run(toy.Config(count=8), steps=300, progress=False).save(tmp_path / "run.lab")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        History.load(path)


def test_missing_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "none.lab")


def test_a_kill_while_saving_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "run.lab"
    tests = Path(__file__).parent
    code = (
        "import sys; sys.path[:0] = [sys.argv[2], sys.argv[3]]\n"
        "import toy; from labkit import run\n"
        "history = run(toy.Config(count=8), steps=2000, progress=False)\n"
        "history.save(sys.argv[1]); print('ready', flush=True)\n"
        "while True: history.save(sys.argv[1])\n"
    )
    for wait in (0.0, 0.013, 0.031, 0.05):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(tests), str(tests.parent)], stdout=subprocess.PIPE
        )
        assert child.stdout.readline().strip() == b"ready"
        time.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert History.load(path).step == 2000
