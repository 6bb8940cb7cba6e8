"""Free features: descent reaches the closed form, hysteresis, resumed runs, pictures."""

import math
from functools import cache

import numpy as np
import pytest
import torch

from labkit import History, run
from labkit.experiments import unconstrained
from labkit.panels import explore_figure

SMALL = unconstrained.Config(count_1=12, count_2=6, count_3=3, count_4=3, width=6)
#: field -> another value
OTHER = {
    "classes": 3, "count_1": 11, "count_2": 7, "count_3": 4, "count_4": 2, "depth": 2, "width": 7,
    "head": "etf", "bias": True, "samples": False, "lambda_w": 1e-3, "lambda_h": 1e-3, "factor": 2.0,
    "loss": "label_smoothing", "smoothing": 0.2, "learning_rate": 0.1, "momentum": 0.5, "jitter": 1e-3,
    "init_scale": 0.3, "seed": 1,
}  # fmt: skip


def test_every_setting_changes_the_run():
    assert OTHER.keys() == {field.name for field, _ in SMALL.fields()}
    trained = cache(lambda config: run(config, 17, progress=False))
    for name, value in OTHER.items():
        config = SMALL.replace(loss="label_smoothing") if name == "smoothing" else SMALL
        pair = trained(config), trained(config.replace(**{name: value}))
        shared = [column for column in pair[0].columns if column in pair[1].columns]
        differ = [c for c in shared if not np.array_equal(pair[0][c], pair[1][c], equal_nan=True)]
        assert differ, name


@pytest.mark.parametrize(("depth", "row"), [(1, (3.7339, 3.1305, 2.6213)), (3, (1.9374, 1.7755, 1.6263))])
def test_descent_reaches_every_number_of_the_closed_form(depth, row):
    config = unconstrained.Config(depth=depth, samples=False, learning_rate=1.0)
    history = run(config, 1000, progress=False, every=1000)
    for k in range(1, 5):
        for name in ("logit", "weight", "feature"):
            assert history[f"{name}_{k}"][-1] == pytest.approx(history[f"predicted_{name}_{k}"][-1], rel=1e-3)
        # the published singular values, of each layer alone
        assert history[f"weight_{k}"][-1] == pytest.approx(row[min(k - 1, 2)] ** (2 * depth), rel=1e-3)
    experiment = config.experiment(config, torch.device("cpu"))
    experiment.load(history.state)
    last = experiment.net.parts()[0][-1].detach().square().sum(1)
    wanted = np.array([row[0], row[1], row[2], row[2]]) ** 2
    np.testing.assert_allclose(last, wanted, rtol=1e-3)
    assert 0 <= history["excess"][-1] < 1e-4


def test_samples_of_a_class_end_at_one_point_and_the_frames_where_theory_says():
    history = run(unconstrained.Config(learning_rate=2.0), 400, progress=False)
    assert history["nc1_quotient"][-100:][np.isfinite(history["nc1_quotient"][-100:])][-1] < 0.01
    profile = {
        n: history[n][np.isfinite(history[n])][-1] for n in ("frame_weights", "frame_means", "etf_means")
    }
    assert profile["frame_weights"] < 1e-3 > profile["frame_means"]
    assert profile["etf_means"] > 0.1, "imbalanced classes are no simplex"
    assert "loss within 1 % of the minimum" in history.events
    balanced = unconstrained.Config.preset("balanced", samples=False, learning_rate=2.0)
    simplex = run(balanced, 500, progress=False, every=500)
    assert simplex["etf_means"][-1] < 1e-3


def test_hysteresis_for_three_layers_and_none_for_one():
    up_down = unconstrained.up_and_down(
        unconstrained.Config(depth=3, learning_rate=1.0), [0.005, 0.0125, 0.016, 0.0175, 0.0186], steps=200
    )
    small = up_down[up_down["class"] == 4].set_index(["direction", "lambda"])["logit"]
    assert small["up", 0.0175] == pytest.approx(0.4366, rel=0.01)
    assert abs(small["up", 0.0186]) < 1e-3
    assert abs(small["down", 0.0175]) < 1e-3 and abs(small["down", 0.005]) < 1e-3
    big = up_down[up_down["class"] == 1].set_index(["direction", "lambda"])
    assert big["logit"]["down", 0.005] == pytest.approx(big["minimum"]["down", 0.005], rel=1e-3)
    one = unconstrained.up_and_down(
        unconstrained.Config(depth=1, learning_rate=3.0), [0.01, 0.0170, 0.0184], steps=300
    )
    small = one[one["class"] == 4].set_index(["direction", "lambda"])["logit"]
    assert small["up", 0.0170] == pytest.approx(0.0383, rel=0.01)
    assert abs(small["up", 0.0184]) < 1e-3
    assert small["down", 0.01] == pytest.approx(small["up", 0.01], rel=0.01)


def test_a_run_goes_on_bit_for_bit_and_sliders_act_at_once(tmp_path):
    changes = [(20, "factor", 8.0), (30, "lambda_w", 1e-3)]
    whole = run(SMALL, 48, progress=False, interventions=changes)
    half = run(SMALL, 25, progress=False, interventions=changes[:1])
    half.save(tmp_path / "half")
    resumed = run(History.load(tmp_path / "half"), 48, progress=False, interventions=changes)
    for name in whole.columns:
        np.testing.assert_array_equal(whole[name], resumed[name])
    at = list(whole.steps).index(21)
    assert whole["lambda"][at] == pytest.approx(8 * whole["lambda"][at - 1])
    assert whole["predicted_logit_1"][at] < whole["predicted_logit_1"][at - 1]


@pytest.mark.parametrize("change", [{"bias": True}, {"loss": "cross_entropy"}, {"head": "etf"}, {"width": 3}])
def test_where_theory_is_silent_nothing_is_predicted_and_the_picture_says_so(change):
    config = SMALL.replace(**change)
    history = run(config, 3, progress=False)
    assert math.isnan(history["minimum"][-1]) and math.isnan(history["predicted_logit_1"][-1])
    assert math.isfinite(history["logit_1"][-1])
    logits = config.experiment.pictures(config)[0]
    assert "theory" in logits.note and not any(line.theory for line in logits.lines)


def test_losses_are_torchs():
    for name, smoothing in (("cross_entropy", 0.0), ("label_smoothing", 0.3)):
        config = SMALL.replace(loss=name, smoothing=0.3, bias=True)
        experiment = config.experiment(config, torch.device("cpu"))
        for _ in range(5):
            experiment.step()
        logits = experiment.net().detach()
        wanted = torch.nn.functional.cross_entropy(logits, experiment.net.answer, label_smoothing=smoothing)
        assert experiment.measure()["data_loss"] == pytest.approx(float(wanted))


def test_pictures_are_drawn_and_theory_agrees_with_itself_over_lambda():
    config = SMALL.replace(depth=2)
    run(config, 5, progress=False).figure()
    logits, weights, features = unconstrained.over_lambda(config)
    explore_figure([logits, weights, features])
    line = logits.lines[0]
    at = len(line.x) // 5
    here = config.replace(lambda_w=float(line.x[at]), lambda_h=float(line.x[at])).minimum()
    for picture, wanted in ((logits, here.logit), (weights, here.w_norm2), (features, here.h_norm2)):
        assert picture.lines[0].y[at] == pytest.approx(wanted[0])


def test_bad_input():
    for call, words in (
        (lambda: unconstrained.Config(classes=6, width=4, head="etf"), "width: got 4.*simplex ETF of 6"),
        (lambda: unconstrained.Config(count_3=0), "count_3: got 0"),
        (lambda: unconstrained.up_and_down(SMALL, [0.02, 0.01]), "pulls: got .*ascending"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
