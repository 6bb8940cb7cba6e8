"""Configs check themselves, name what is wrong, and print as code that rebuilds them."""

import copy
import inspect
import math
import pickle

import pytest
import toy
from hypothesis import given
from hypothesis import strategies as st

from labkit.experiments import EXPERIMENTS, grokking
from labkit.live.controls import controls, stops

CONFIGS = [module.Config for module in EXPERIMENTS.values()] + [toy.Config]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modulus": "97"}, r"modulus: got '97' \(str\); allowed: a whole number from 3 to 257"),
        ({"modulus": 97.5}, r"modulus: got 97.5 \(float\)"),
        ({"modulus": True}, r"modulus: got True \(bool\)"),
        ({"learning_rate": math.nan}, r"learning_rate: got nan; allowed: a finite number from 0 to 100"),
        ({"learning_rate": math.inf}, r"learning_rate: got inf"),
        ({"weight_decay": -1}, r"weight_decay: got -1"),
        ({"task": "a + b"}, r"task: got 'a \+ b'; allowed: 'a\+b', .* Did you mean 'a\+b'\?"),
        ({"train_fraction": 0.01, "task": "permutations", "letters": 3}, r"train_fraction: got 0.01"),
        ({"task": "a/b", "modulus": 91}, r"modulus: got 91 with task 'a/b'; allowed: a prime"),
        ({"heads": 3, "model": "transformer"}, r"heads: got 3; allowed: a divisor of d_model=128"),
        ({"task": "zzz"}, r"task: got 'zzz'; allowed: 'a\+b', .* Did you mean '.+'\?"),
        ({"task": None}, r"task: got None; allowed: 'a\+b', .*'permutations'\."),
        ({"model": "cnn"}, r"model: got 'cnn'; allowed: 'mlp', 'transformer'\. Did you mean '.+'\?"),
        ({"modulu": 5}, r"field: got 'modulu'; allowed: 'task', .* Did you mean 'modulus'\?"),
        ({"float64_loss": 1}, r"float64_loss: got 1; allowed: True or False"),
    ],
)
def test_bad_values_are_named_with_what_is_allowed(values, message):
    with pytest.raises(ValueError, match=message):
        grokking.Config(**values)


def test_numbers_beyond_every_float_are_out_of_range():
    with pytest.raises(ValueError, match=r"weight_decay: got 10+\.\.\.; allowed: a finite"):
        grokking.Config(weight_decay=10**400)
    with pytest.raises(ValueError, match=r"modulus: got 10+\.\.\.; allowed: a whole number from 3 to 257"):
        grokking.Config(modulus=10**400)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'weight_decay'"):
        grokking.Config().replace(weight_decoy=1.0)
    with pytest.raises(ValueError, match="Did you mean 'weight_decay'"):
        grokking.Config.preset("plateau", weight_decoy=1.0)
    with pytest.raises(ValueError, match="Did you mean 'Doshi et al.'"):
        grokking.Config.preset("Doshi")


def test_copies_survive_pickling_and_the_signature_names_the_fields():
    config = grokking.Config(modulus=59)
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    assert list(inspect.signature(grokking.Config).parameters) == list(config.values())


@pytest.mark.parametrize("config", CONFIGS)
def test_every_field_describes_itself(config):
    for field, about in config.fields():
        assert about.help and about.acts in ("hot", "warm", "cold"), field.name
        if about.choices is not None:
            assert field.default in about.choices
        if about.scale == "log" and about.slider:
            assert (about.smallest or about.low) > 0, f"{field.name}: a log slider needs a start above 0"


@given(st.data())
def test_repr_rebuilds_the_config(data):
    drawn = {}
    for field, about in toy.Config.fields():
        if about.choices is not None:
            drawn[field.name] = data.draw(st.sampled_from(about.choices))
        elif isinstance(field.default, bool):
            drawn[field.name] = data.draw(st.booleans())
        elif isinstance(field.default, int):
            drawn[field.name] = data.draw(st.integers(int(about.low), int(about.high)))
        else:
            drawn[field.name] = data.draw(st.floats(about.low, about.high))
    config = toy.Config(**drawn)
    assert eval(repr(config), {"toy": toy}) == config
    assert config.values() == drawn


@pytest.mark.parametrize("config", CONFIGS)
def test_presets_are_valid_and_documented(config):
    for name, (changes, comment) in config.presets.items():
        assert config.preset(name) == config(**changes)
        assert comment.endswith((".", "?", "!")), name


@pytest.mark.parametrize("config", CONFIGS)
def test_an_alias_means_one_preset_for_each_value_of_a_field(config):
    for alias, (field, names) in config.aliases.items():
        for value, preset in names.items():
            assert config.preset(alias, **{field: value}) == config.preset(preset)


@pytest.mark.parametrize("config", CONFIGS)
def test_slider_stops_are_sorted_and_run_from_the_smallest_to_the_largest(config):
    for field, about in config.fields():
        if about.choices is None and about.slider and about.low is not None and about.high is not None:
            if isinstance(field.default, bool):
                continue
            values = stops(about, type(field.default))
            assert values == sorted(set(values))
            first = about.smallest if about.low and about.smallest else about.low
            assert values[0] == first and values[-1] == about.high, field.name
            for value in values:
                toy_check = {**config().values(), field.name: value}
                assert type(value) is type(field.default), (field.name, toy_check[field.name])


def test_controls_show_every_field_once_with_its_value():
    config = grokking.Config(weight_decay=7.0)
    rows = controls(config)
    assert [row["name"] for row in rows] == [field.name for field, _ in config.fields()]
    assert {row["name"]: row["value"] for row in rows} == config.values()
    assert 0.0 in next(row for row in rows if row["name"] == "weight_decay")["stops"]
