"""Curves on paper hold the numbers of the history, and nothing more."""

import numpy as np
import pytest
import toy
from matplotlib.colors import to_hex

from labkit import run
from labkit.history import History
from labkit.panels import explore_figure
from labkit.panels.figure import figure
from labkit.pictures import PALETTE, Line, Lines


@pytest.fixture(scope="module")
def history():
    return run(toy.Config(rate=0.1), steps=100, interventions=[(20, "rate", 0.2)], progress=False)


def curve(axes, label):
    (line,) = [line for line in axes.get_lines() if line.get_label() == label]
    return line


def test_a_curve_is_the_recorded_column(history):
    axes = figure([history]).axes[0]
    np.testing.assert_array_equal(curve(axes, "loss").get_xdata(), history.steps)
    np.testing.assert_array_equal(curve(axes, "loss").get_ydata(), history["loss"])
    assert axes.get_yscale() == "log" and axes.get_title() == "loss"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["loss", "sum"]


def test_gaps_are_skipped_not_drawn_as_breaks(history):
    seldom = ~np.isnan(history["slow"])
    assert 0 < seldom.sum() < len(seldom), "profiles are read at some steps only"
    line = curve(figure([history]).axes[0], "sum")
    np.testing.assert_array_equal(line.get_xdata(), history.steps[seldom])
    np.testing.assert_array_equal(line.get_ydata(), history["slow"][seldom])


def test_runs_have_colours_of_their_own_and_shades_within(history):
    other = run(toy.Config(rate=0.3), steps=100, progress=False)
    axes = figure([history, other]).axes[0]
    for number in (0, 1):
        assert to_hex(curve(axes, f"loss · run {number + 1}").get_color()).upper() == PALETTE[number][0]
        assert to_hex(curve(axes, f"sum · run {number + 1}").get_color()).upper() == PALETTE[number][1]
    np.testing.assert_array_equal(curve(axes, "loss · run 2").get_ydata(), other["loss"])


def test_theory_is_dashed_and_drawn_once():
    exact = Line(0.9 ** np.arange(5.0), "predicted", x=np.arange(5), theory=True)
    axes = explore_figure([Lines("a", "a", (exact, Line([1.0, 2.0], "seen", x=[0, 1])))]).axes[0]
    assert curve(axes, "predicted").get_linestyle() == "--" and curve(axes, "seen").get_linestyle() == "-"
    np.testing.assert_array_equal(curve(axes, "predicted").get_ydata(), 0.9 ** np.arange(5))


def test_a_prediction_over_two_runs_is_one_curve(history, monkeypatch):
    picture = Lines("a", "a", (Line("loss", "loss"), Line([1.0, 0.5], "predicted", x=[0, 100], theory=True)))
    monkeypatch.setattr(toy.Toy, "pictures", staticmethod(lambda config: (picture,)))
    labels = [line.get_label() for line in figure([history, history]).axes[0].get_lines()]
    assert labels.count("predicted") == 1 and {"loss · run 1", "loss · run 2"} <= set(labels)


def test_ticks_and_flags_stand_at_their_steps(history):
    uprights = [line for line in figure([history]).axes[0].get_lines() if len(set(line.get_xdata())) == 1]
    short = [line.get_xdata()[0] for line in uprights if max(line.get_ydata()) < 0.1]
    dotted = [line.get_xdata()[0] for line in uprights if line.get_linestyle() == ":"]
    assert short == [20] and sorted(dotted) == sorted(history.events.values()) and len(dotted) == 2


def test_a_column_that_was_never_recorded_is_left_out():
    empty = History(toy.Config())
    axes = figure([empty]).axes[0]
    assert axes.get_lines()[:] == [] and axes.get_legend() is None


def test_limits_and_scales_are_as_declared():
    picture = Lines("a", "a", (Line([1.0, 9.0], "y", x=[1, 10]),), xscale="log", ylim=(0.5, 20), events=False,
                    xlabel="depth", ylabel="q")  # fmt: skip
    axes = explore_figure([picture]).axes[0]
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_ylim()) == ("log", "linear", (0.5, 20))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("depth", "q")


def test_a_run_of_one_record_shows_its_points_between_steps_0_and_1():
    axes = figure([run(toy.Config(start=2.0), steps=0, progress=False)]).axes[0]
    assert axes.get_xlim() == (0, 1) and curve(axes, "loss").get_marker() == "o"
    low, high = np.log10(axes.get_ylim())
    assert high - low > 0.32 and low < np.log10(4.0) < high


def test_noise_on_a_log_axis_is_not_stretched():
    axes = explore_figure([Lines("a", "a", (Line([1.0, 1.01], "y", x=[0, 1]),), yscale="log")]).axes[0]
    low, high = np.log10(axes.get_ylim())
    assert abs(high - low - 0.33) < 1e-9


def test_a_logarithmic_picture_without_a_positive_value_is_drawn_without_a_warning():
    drawn = explore_figure([Lines("none", "None", (Line([np.nan, 0.0], "y", x=[0, 1]),), yscale="log")])
    assert drawn.axes[0].get_yscale() == "linear"
