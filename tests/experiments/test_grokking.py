"""Grokking: its steps against a plain loop, its settings each with an effect, its pictures complete."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from labkit import History, run
from labkit.data import arithmetic
from labkit.experiments import grokking
from labkit.pictures import Heatmap, Lines, Scatter

CPU = torch.device("cpu")
SMALL = grokking.Config(modulus=11, width=24, train_fraction=0.5, d_model=16, heads=2, precision="float64")


def plain_run(config, steps):
    """What the papers' code does: plain forward, autograd, torch's optimiser. Gives the weights by name."""
    experiment = grokking.Grokking(config, CPU)
    model, (a, b), labels = experiment.model, experiment._train_pairs, experiment.labels
    # away from the flat vector, or the optimiser of this test would share memory with the other
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    kinds = {
        "adamw": lambda p: torch.optim.AdamW(
            p,
            lr=config.learning_rate,
            betas=(config.momentum, config.beta2),
            eps=config.epsilon,
            weight_decay=config.weight_decay,
        ),
        "sgd": lambda p: torch.optim.SGD(
            p, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        ),
    }
    optimiser = kinds[config.optimizer](model.parameters())
    for step in range(steps):
        warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
        optimiser.param_groups[0]["lr"] = config.learning_rate * warm
        logits = model.plain(a, b)
        if config.loss == "mse":
            target = torch.nn.functional.one_hot(labels, logits.shape[1]).to(logits)
            loss = torch.nn.functional.mse_loss(logits, target)
        else:
            loss = torch.nn.functional.cross_entropy(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {name: p.detach() for name, p in model.named_parameters()}


CASES = [
    {"model": model, "loss": loss, "optimizer": optimizer, "weight_decay": 0.5, "learning_rate": 1e-3}
    for model, loss, optimizer in itertools.product(
        ("mlp", "transformer"), ("mse", "cross_entropy"), ("adamw", "sgd")
    )
] + [{"activation": "gelu"}, {"activation": "relu"}, {"label_noise": 0.5}, {"warmup": 5}, {"task": "a*b"}]


@pytest.mark.parametrize("changes", CASES, ids=lambda c: "-".join(str(v) for v in c.values()))
def test_training_follows_the_plain_loop(changes):
    config = SMALL.replace(**changes)
    expected = plain_run(config, 10)
    experiment = grokking.Grokking(config, CPU)
    for _ in range(10):
        experiment.step()
    for name, parameter in experiment.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), expected[name], rtol=1e-8, atol=1e-12, msg=name)


#: field -> (another value, what else must be set for it to matter)
OTHER = {
    "task": ("a-b", {}),
    "modulus": (13, {}),
    "letters": (3, {"task": "permutations", "letters": 4}),
    "train_fraction": (0.7, {}),
    "label_noise": (0.5, {}),
    "model": ("transformer", {}),
    "activation": ("gelu", {}),
    "width": (32, {}),
    "d_model": (32, {"model": "transformer"}),
    "heads": (4, {"model": "transformer"}),
    "init_scale": (2.0, {}),
    "loss": ("cross_entropy", {}),
    "float64_loss": (True, {"precision": "float32", "loss": "cross_entropy"}),
    "optimizer": ("sgd", {}),
    "learning_rate": (1e-3, {}),
    "weight_decay": (1.0, {}),
    "momentum": (0.5, {}),
    "beta2": (0.9, {}),
    "epsilon": (1e-2, {}),
    "warmup": (7, {}),
    "precision": ("float32", {}),
    "seed": (1, {}),
    "temperature": (2.0, {}),
    "tied": (True, {}),
}


def test_every_setting_is_in_the_table_below():
    assert OTHER.keys() == {field.name for field, _ in grokking.Config.fields()}


@pytest.mark.parametrize("name", OTHER)
def test_every_setting_changes_the_run(name):
    value, needed = OTHER[name]
    config = SMALL.replace(**needed)
    before, after = (run(c, steps=5, progress=False) for c in (config, config.replace(**{name: value})))
    assert any(not np.array_equal(before[column], after[column]) for column in before.columns)


def test_the_same_settings_and_interventions_give_the_same_arrays():
    changes = [(3, "weight_decay", 5.0), (6, "label_noise", 0.3), (8, "optimizer", "sgd")]
    config = SMALL.replace(precision="float32")
    first, second = (run(config, steps=12, interventions=changes, progress=False) for _ in range(2))
    for column in first.columns:
        np.testing.assert_array_equal(first[column], second[column], err_msg=column)
    for name, values in first.profiles.items():
        np.testing.assert_array_equal(values.values, second.profiles[name].values, err_msg=name)


@pytest.mark.parametrize("model", ["mlp", "transformer"])
def test_a_saved_run_continues_bit_for_bit(model, tmp_path):
    config = SMALL.replace(precision="float32", model=model, label_noise=0.2)
    changes = [(5, "label_noise", 0.4), (11, "weight_decay", 1.0)]
    whole = run(config, steps=20, interventions=changes, progress=False)
    half = run(config, steps=9, interventions=changes[:1], progress=False)
    half.save(tmp_path / "half.lab")
    rest = run(History.load(tmp_path / "half.lab"), steps=20, interventions=changes[1:], progress=False)
    assert rest.interventions == whole.interventions
    for name, tensor in whole.state.items():
        assert torch.equal(rest.state[name], tensor), name
    for column in whole.columns:
        np.testing.assert_array_equal(rest[column], whole[column], err_msg=column)


def test_noise_replaces_the_stated_share_of_training_labels_and_no_test_label():
    experiment = grokking.Grokking(grokking.Config(label_noise=0.35, train_fraction=0.5), CPU)
    table = arithmetic.pairs("a+b", 97)
    clean = table.answer[experiment.train]
    wrong = (experiment.labels != clean).float().mean().item()
    assert wrong == pytest.approx(0.35 * 96 / 97, abs=0.01)  # one in 97 draws hits the right answer
    assert torch.equal(experiment._test_labels, table.answer[experiment.test])


def test_moving_noise_to_zero_brings_the_clean_labels_back():
    experiment = grokking.Grokking(SMALL.replace(label_noise=0.5), CPU)
    noisy = experiment.labels.clone()
    experiment.configure(experiment.config.replace(label_noise=0.0))
    assert torch.equal(experiment.labels, experiment.answer[experiment.train])
    experiment.configure(experiment.config.replace(label_noise=0.5))
    assert torch.equal(experiment.labels, noisy)


def test_a_cold_change_in_mid_run_is_refused():
    with pytest.raises(ValueError, match="width: got a new value in mid-run; allowed: hot and warm"):
        grokking.Grokking(SMALL, CPU).configure(SMALL.replace(width=32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "a%b"}, r"task: got 'a%b'; allowed: .*Did you mean 'a.b'"),
        ({"task": "a/b", "modulus": 12}, r"modulus: got 12 with task 'a/b'; allowed: a prime"),
        ({"modulus": 5, "train_fraction": 0.01}, r"fraction: got 0.01"),
        ({"weight_decay": float("nan")}, r"weight_decay: got nan; allowed: a finite number from 0 to 100"),
        ({"width": 500.0}, r"width: got 500.0 \(float\); allowed: a whole number"),
        ({"model": "transformer", "heads": 3}, r"heads: got 3; allowed: a divisor of d_model=128"),
        ({"float64_loss": 1}, r"float64_loss: got 1; allowed: True or False"),
        ({"seed": True}, r"seed: got True"),
    ],
)
def test_a_bad_setting_is_refused_before_anything_starts(changes, message):
    with pytest.raises(ValueError, match=message):
        grokking.Config(**changes)


@pytest.mark.parametrize("model", ["mlp", "transformer"])
@pytest.mark.parametrize("task", arithmetic.TASKS)
def test_every_picture_finds_its_numbers_or_says_why_not(task, model):
    config = SMALL.replace(task=task, model=model, letters=4)
    experiment = grokking.Grokking(config, CPU)
    columns = {"step", *experiment.measure()}
    vectors = set()
    for name, value in experiment.profile().items():
        (vectors if np.ndim(value) else columns).add(name)
    views = experiment.view()
    for picture in grokking.Grokking.pictures(config):
        wanted = {
            Lines: lambda p: {line.y for line in p.lines} <= columns,
            Heatmap: lambda p: p.values in vectors,
            Scatter: lambda p: p.points in views,
        }[type(picture)](picture)
        assert wanted != bool(picture.note), f"{picture.name}: {picture.note!r}"
        if isinstance(picture, Heatmap) and wanted:
            assert len(picture.y) == len(experiment.profile()[picture.values])


def test_progress_measures_are_those_of_the_plain_logits():
    from labkit.measures import circuits, fourier

    experiment = grokking.Grokking(SMALL.replace(label_noise=0.3, loss="cross_entropy"), CPU)
    for _ in range(5):
        experiment.step()
    profile = experiment.profile()
    given = experiment.answer.clone()
    given[experiment.train] = experiment.labels
    basis = fourier.basis("additive", 11)
    power = fourier.fourier_spectrum([experiment.model.U, experiment.model.V], basis)
    keys = fourier.key_frequencies(power, 0.9)
    logits = experiment.model.plain(experiment.a, experiment.b).detach()
    loss = torch.nn.functional.cross_entropy
    arguments = (logits, experiment.answer, basis, keys, loss)
    assert profile["restricted_loss"] == pytest.approx(circuits.restricted_loss(*arguments), rel=1e-12)
    excluded = circuits.excluded_loss(*arguments, experiment.train, given)
    assert profile["excluded_loss"] == pytest.approx(excluded, rel=1e-12)


@pytest.mark.parametrize("name", grokking.Config.presets)
def test_every_preset_takes_a_step(name):
    config = grokking.Config.preset(name)
    assert eval(repr(config), {"grokking": grokking}) == config
    history = run(config, steps=1, progress=False)
    assert history["train_loss"][1] != history["train_loss"][0]


@pytest.mark.parametrize("seed", range(2))
def test_the_clean_run_learns_the_rule_from_half_the_table(seed):
    history = run(grokking.Config.preset("Doshi et al.", seed=seed), steps=60, progress=False)
    assert history["test_accuracy"][0] < 0.05
    assert history["test_accuracy"][-1] == 1.0


def test_without_decay_it_memorises_and_does_not_generalise():
    history = run(grokking.Config.preset("memorises forever"), steps=250, progress=False)
    assert history["train_accuracy"][-1] == 1.0
    assert history["test_accuracy"][-1] < 0.2


def test_divergence_ends_the_run_with_a_note():
    config = SMALL.replace(optimizer="sgd", learning_rate=100.0, precision="float32")
    history = run(config, steps=500, progress=False)
    assert history.step < 500
    assert "diverged" in history.notes[0]


def test_precisions_start_from_the_same_numbers():
    weights = {
        precision: grokking.Grokking(SMALL.replace(precision=precision), CPU).flat.double()
        for precision in ("float32", "float64", "bfloat16")
    }
    for values in weights.values():
        torch.testing.assert_close(values, weights["float64"], rtol=1e-6, atol=1e-8)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.width = 3


def test_a_dead_network_is_right_by_chance_alone():
    experiment = SMALL.experiment(SMALL, torch.device("cpu"))
    experiment.flat.zero_()  # all logits are equal
    chance = (experiment.answer[experiment.test] == 0).float().mean().item()
    assert experiment.measure()["test_accuracy"] == pytest.approx(chance) and chance < 0.5
