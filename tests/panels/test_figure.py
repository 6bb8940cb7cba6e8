"""The sheet: one axes a picture, chosen by name, drawn without pyplot."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import toy

from labkit import run
from labkit.experiments import EXPERIMENTS


@pytest.fixture(scope="module")
def history():
    return run(toy.Config(), steps=30, progress=False)


def titles(sheet):
    return [axes.get_title() for axes in sheet.axes if axes.get_title()]


def test_pictures_in_the_order_declared_or_asked_for(history):
    assert titles(history.figure()) == ["loss", "weights", "cloud"]
    assert titles(history.figure(pictures=["cloud", "loss"])) == ["cloud", "loss"]
    with pytest.raises(ValueError, match="pictures: got 'cluod'; .*Did you mean 'cloud'"):
        history.figure(pictures=["cluod"])


def test_the_grid(history):
    def places(sheet):
        specs = [axes.get_subplotspec() for axes in sheet.axes if axes.get_title()]
        return [(spec.rowspan.start, spec.colspan.start) for spec in specs]

    assert places(history.figure(columns=2)) == [(0, 0), (0, 1), (1, 0)]
    assert places(history.figure(columns=9)) == [(0, 0), (0, 1), (0, 2)]


def test_a_step_axis_can_be_logarithmic_from_nought(history):
    axes = history.figure(xscale="log").axes[0]
    assert axes.get_xscale() == "symlog"
    assert axes.transData.transform([(0, 1)])[0, 0] < axes.transData.transform([(1, 1)])[0, 0]
    assert axes.get_lines()[0].get_xdata()[0] == 0
    assert history.figure().axes[0].get_xscale() == "linear"


def test_it_is_shown_as_a_picture(history):
    assert history.figure()._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("module", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_every_experiment_draws_what_it_declares(module):
    little = {"modulus": 7, "width": 16, "d_model": 8, "heads": 2, "size": 32, "steps": 3}
    known = {field.name for field, _ in module.Config.fields()}
    small = {name: value for name, value in little.items() if name in known}
    drawn = set()
    for name in module.Config.presets:
        config = module.Config.preset(name, **small)
        declared = tuple(picture.title for picture in module.Config.experiment.pictures(config))
        if declared in drawn:
            continue
        drawn.add(declared)
        sheet = run(config, steps=3, progress=False).figure()
        assert titles(sheet) == list(declared)
        sheet._repr_png_()
        curves = [line for axes in sheet.axes for line in axes.get_lines()]
        assert curves and all(np.isfinite(np.asarray(line.get_ydata(), float)).all() for line in curves)


def test_no_pyplot_and_no_style_left_behind():
    code = (
        "import sys, matplotlib, toy\n"
        "from labkit import run\n"
        "before = dict(matplotlib.rcParams)\n"
        "run(toy.Config(), steps=5, progress=False).figure()._repr_png_()\n"
        "changed = {k for k, v in matplotlib.rcParams.items() if before.get(k, v) != v}\n"
        "assert not changed, changed\n"
        "manager = sys.modules.get('matplotlib.pyplot')\n"
        "assert manager is None or manager.get_fignums() == []\n"
    )
    tests = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tests)
    assert done.returncode == 0, done.stderr
