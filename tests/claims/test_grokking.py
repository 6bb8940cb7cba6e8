"""The grokking claims: what the issue asks for is there, and their measuring is right on tiny runs."""

import math
import re

import numpy as np
import pytest
import torch

from labkit import doctor, run
from labkit.claims import grokking as claims
from labkit.claims import ledger
from labkit.claims.claim import FAILS, HOLDS, Measured
from labkit.experiments import grokking
from labkit.train import read

TABLE = {claim.id.removeprefix("grokking/"): claim for claim in claims.CLAIMS}
SMALL = {"modulus": 13, "width": 64, "train_fraction": 0.8}  # solves its test before step 100
SMALL_TRANSFORMER = {"modulus": 7, "width": 16, "d_model": 16, "heads": 2}
NEVER = math.nan


@pytest.fixture(autouse=True)
def alone():
    """Nothing shared with other tests; one thread, since two only wait for each other on tiny networks."""
    cached = (claims.default_page, claims.clean_run, claims.sweep_run)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()
    torch.set_num_threads(threads)


# ------------------------------------------------------------------------------- what is asked for


def test_the_table_holds_what_the_lab_promises():
    slow = {name for name, claim in TABLE.items() if claim.slow}
    assert slow == {"no-decay-float32", "no-decay-float64", "few-frequencies", "delay-falls-with-data"}
    assert TABLE.keys() - slow == {
        "delay", "clean-run", "coexistence", "partial-inversion", "full-inversion", "forgetting",
        "one-frequency-a-neuron",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "measured", "verdict"),
    [
        ("delay", {"delay ratio": [8.0] * 9 + [NEVER]}, HOLDS),
        ("delay", {"delay ratio": [7.9] * 2 + [20] * 8}, FAILS),
        ("clean-run", {"step": [60] * 9 + [61]}, HOLDS),
        ("clean-run", {"step": [45] * 8 + [61] * 2}, FAILS),
        ("coexistence", {"train accuracy": [0.949], "test accuracy": [0.954]}, HOLDS),
        ("coexistence", {"train accuracy": [0.978], "test accuracy": [0.952]}, FAILS),
        ("partial-inversion", {"train accuracy": [0.815], "test accuracy": [1.0]}, HOLDS),
        ("partial-inversion", {"train accuracy": [0.817], "test accuracy": [1.0]}, FAILS),
        ("full-inversion", {"train accuracy": [0.625], "test accuracy": [0.971]}, HOLDS),
        ("full-inversion", {"train accuracy": [0.66], "test accuracy": [0.969]}, FAILS),
        ("forgetting", {"train accuracy": [0.0], "test accuracy": [0.0]}, HOLDS),
        ("forgetting", {"train accuracy": [0.04], "test accuracy": [0.011]}, FAILS),
        ("no-decay-float32", {"best test accuracy": [0.4], "last train accuracy": [1.0]}, HOLDS),
        ("no-decay-float64", {"best test accuracy": [0.6], "last train accuracy": [1.0]}, FAILS),
        ("no-decay-float64", {"best test accuracy": [0.01], "last train accuracy": [0.5]}, FAILS),
        ("few-frequencies", {"frequencies for 90 %": [8]}, HOLDS),
        ("few-frequencies", {"frequencies for 90 %": [43]}, FAILS),
        ("delay-falls-with-data", {"pairs of neighbours with a fall": [5]}, HOLDS),
        ("delay-falls-with-data", {"pairs of neighbours with a fall": [4]}, FAILS),
    ],
)
def test_bands(name, measured, verdict):
    assert TABLE[name].verdict(Measured(measured)) == verdict


@pytest.mark.parametrize(
    ("name", "weight_decay", "step"),
    [
        ("coexistence", 0, 2000),
        ("partial-inversion", 5, 500),
        ("full-inversion", 15, 2000),
        ("forgetting", 20, 5000),
    ],
)
def test_each_phase_is_read_where_the_reference_read_it(monkeypatch, name, weight_decay, step):
    asked = []

    def trained(config, limit, done, extra=None):
        asked.append((config, limit))
        return claims.Trained(None, limit, {"train_accuracy": 0.25, "test_accuracy": 0.75})

    monkeypatch.setattr(claims, "trained", trained)
    measured = TABLE[name].measure()
    assert [config.seed for config, _ in asked] == list(range(len(asked))) and len(asked) >= 3
    for config, limit in asked:
        assert (config.label_noise, config.train_fraction) == (0.35, 0.5)
        assert (config.weight_decay, limit) == (weight_decay, step)
    assert measured.values == {
        "train accuracy": [0.25] * len(asked),
        "test accuracy": [0.75] * len(asked),
    }


# ----------------------------------------------------------------------------------- tiny real runs


def test_trained_reads_the_same_weights_as_run():
    config = grokking.Config(**SMALL)
    ours = claims.trained(config, 30, lambda record: record.step == 7)
    history = run(config, 30, progress=False, every=1)
    assert ours.step == 30 and list(ours.history.steps) == list(range(8))
    assert np.array_equal(ours.history["test_loss"], history["test_loss"][:8])
    assert ours.last["test_loss"] == pytest.approx(history["test_loss"][-1], rel=1e-6)
    assert ours.last["ipr_median"] == pytest.approx(history["ipr_median"][-1], rel=1e-6)


def test_trained_ends_where_it_should():
    config = grokking.Config(**SMALL)
    assert claims.trained(config, 9, lambda record: False).step == 9
    assert claims.trained(config, 9, lambda record: record.step == 3, extra=0).step == 3
    assert claims.trained(config, 9, lambda record: record.step == 3, extra=4).step == 7
    assert claims.trained(config, 9, lambda record: record.step == 3, extra=100).step == 9


@pytest.fixture
def shrunk(monkeypatch):
    """Every run of the claims on a small network; the list of configs that were run."""
    trained, configs = claims.trained, []

    def small(config, limit, *rest, **options):
        configs.append(config.replace(**(SMALL if config.model == "mlp" else SMALL_TRANSFORMER)))
        return trained(configs[-1], min(limit, 110), *rest, **options)

    monkeypatch.setattr(claims, "trained", small)
    monkeypatch.setattr(claims, "SEEDS", (0, 1))
    monkeypatch.setattr(claims, "LIMIT", 25)
    return configs


def test_a_run_that_diverges_ends_there():
    config = grokking.Config(**SMALL, optimizer="sgd", learning_rate=100.0)
    ended = claims.trained(config, 200, lambda record: False)
    assert ended.step < 200 and "diverged" in ended.history.notes[0]
    assert not math.isfinite(ended.last["train_loss"])


def test_delay_step_and_frequencies_share_their_runs(shrunk):
    ratios, steps = claims.delay().values["delay ratio"], claims.clean_step().values["step"]
    purity = claims.one_frequency().values
    assert [config.seed for config in shrunk] == [0, 1, 0, 1]
    for seed in (0, 1):
        delayed, clean = (run(config, 110, progress=False) for config in shrunk[seed::2])
        assert ratios[seed] == delayed.events["test solved"] / delayed.events["train solved"]
        assert steps[seed] == clean.steps[clean["test_accuracy"] == 1][0]
    assert all(0 < value <= 1 for values in purity.values() for value in values)


def test_the_embedding_is_read_over_tokens():
    """One cosine written into the numbers' embedding, whatever "=" has: one frequency, all the power."""
    config = grokking.Config.preset("Nanda et al.", **SMALL_TRANSFORMER)
    experiment = config.experiment(config, torch.device("cpu"))
    wave = torch.cos(2 * torch.pi * 2 * torch.arange(7) / 7)
    with torch.no_grad():
        experiment.model.W_E.normal_(generator=torch.Generator().manual_seed(0))
        experiment.model.W_E[:, :7] = torch.linspace(1, 2, 16)[:, None] * wave
    measures = read(experiment, 0).measures
    assert measures["key_frequencies"] == 1
    assert measures["top5_share"] == pytest.approx(1)


def test_the_slow_measurements_run_on_a_tiny_transformer(shrunk, monkeypatch):
    monkeypatch.setattr(claims, "FRACTIONS", (0.5, 0.7))
    for name in ("few-frequencies", "delay-falls-with-data", "no-decay-float32", "no-decay-float64"):
        measured = TABLE[name].measure()
        assert TABLE[name].verdict(measured) in (HOLDS, FAILS)
        assert "25" in measured.remark
    # the run at the first fraction is shared
    assert [(config.train_fraction, config.weight_decay) for config in shrunk] == [
        (0.5, 1), (0.7, 1), (0.3, 0), (0.3, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("float64", torch.float64)])
def test_no_decay_means_none_in_the_precision_named(shrunk, precision, dtype):
    claims.no_decay(precision)
    (config,) = shrunk
    assert config.weight_decay == 0 and config.float64_loss is (precision == "float64")
    assert config.experiment(config, torch.device("cpu")).flat.dtype == dtype


def test_steps_told_elsewhere_are_those_of_the_record(root):
    remarks = {name: entry.measured.remark for name, entry in ledger.load(root / "docs/claims.json").items()}
    (learnt,) = re.findall(r"test loss below 0.1 at ([\d ]+);", remarks["grokking/few-frequencies"])
    (told,) = re.findall(r"near step ([\d ]+) here", grokking.Config.presets["Nanda et al."][1])
    assert int(told.replace(" ", "")) == pytest.approx(int(learnt.replace(" ", "")), rel=0.02)
    train, test = re.findall(r"solved at \d+ … ([\d.]+) … \d+", remarks["grokking/delay"])
    told = re.findall(r"\d+", grokking.Config.presets["plateau"][1])
    assert int(told[0]) == pytest.approx(float(train), abs=1)
    assert int(told[1]) == pytest.approx(float(test), abs=10)
    assert doctor.STEPS_TO_SOLVE == pytest.approx(float(test), rel=0.02)


# --------------------------------------------------------------------------------------- the ratios


@pytest.mark.parametrize(
    ("times", "count"),
    [
        ([(100, 5000), (100, 1000), (100, 300)], 2),
        ([(100, 5000), (100, 300), (100, 1000)], 1),
        ([(100, 500), (200, 600), (400, 800)], 2),  # later, and yet a smaller ratio
        ([(100, 500), (100, 500)], 0),  # equal is not falling
        ([(100, NEVER), (100, 1000), (100, 300)], 2),  # at least 20 000 / 100
        ([(100, 1000), (100, NEVER), (100, 300)], 1),
        ([(100, NEVER), (100, NEVER)], 0),
        ([(NEVER, NEVER), (100, 300)], 0),
    ],
)
def test_falls(times, count):
    assert claims.falls(times) == count


def test_a_censored_time_is_told(monkeypatch):
    monkeypatch.setattr(claims, "FRACTIONS", (0.3, 0.5))
    assert claims._sweep_words([(150, NEVER), (160, 960)]) == (
        "0.3: > 20 000 (censored) / 150 = > 133; 0.5: 960 / 160 = 6"
    )


def test_learnt_is_the_first_loss_below_a_tenth():
    history = run(grokking.Config(**SMALL), 3, progress=False)
    history.scalars = type(history.scalars).of(
        ("test_loss",), np.array([0, 4, 9, 12]), np.array([[3.0], [0.1], [0.09], [0.2]])
    )
    assert claims.learnt_at(history, "test_loss") == 9
    history.scalars = history.scalars.until(4)
    assert math.isnan(claims.learnt_at(history, "test_loss"))
