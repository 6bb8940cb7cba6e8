"""The text of errors: what was named, what came, what is allowed."""

import numpy as np
import pytest
import torch

from labkit import _checks


def message(check, *args, **options):
    with pytest.raises(ValueError) as caught:
        check(*args, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (11, {"low": 0, "high": 10}, "rate: got 11.0; allowed: a finite number from 0 to 10"),
        (
            -1,
            {"kind": int, "low": 0, "unit": "steps"},
            "rate: got -1; allowed: a whole number, 0 or more steps",
        ),
        (3.5, {"high": 1}, "rate: got 3.5; allowed: a finite number, 1 or less"),
        (2.0, {"kind": int}, "rate: got 2.0 (float); allowed: a whole number"),
        (True, {}, "rate: got True (bool); allowed: a finite number"),
        ("1", {}, "rate: got '1' (str); allowed: a finite number"),
        (None, {}, "rate: got None (NoneType); allowed: a finite number"),
        (float("nan"), {}, "rate: got nan; allowed: a finite number"),
        (float("inf"), {"low": 0}, "rate: got inf; allowed: a finite number, 0 or more"),
    ],
)
def test_a_bad_number(value, options, text):
    assert message(_checks.number, "rate", value, **options) == text


def test_a_number_beyond_every_float():
    assert message(_checks.number, "n", 10**400) == f"n: got 1{'0' * 56}...; allowed: a finite number"
    assert message(_checks.number, "n", -(10**400), kind=int, high=3).startswith(f"n: got -1{'0' * 55}...;")
    text = "rate: got a whole number of thousands of digits; allowed: a finite number"
    assert message(_checks.number, "rate", 10**5000) == text


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_numpy_numbers_become_plain_ones(value):
    for kind in (int, float):
        came = _checks.number("n", value, kind=kind, low=3, high=3)
        assert came == 3 and type(came) is kind


def test_an_unknown_name_is_told_the_nearest():
    table = {"adamw": 1, "sgd": 2}
    assert _checks.lookup(table, "sgd", "optimizer") == 2
    assert message(_checks.lookup, table, "adam", "optimizer") == (
        "optimizer: got 'adam'; allowed: 'adamw', 'sgd'. Did you mean 'adamw'?"
    )
    assert message(_checks.lookup, table, "SGD2", "optimizer").endswith("Did you mean 'sgd'?")
    assert message(_checks.lookup, table, "xyz", "optimizer").count("Did you mean") == 1
    for no_name in (3, None, ["sgd"]):
        came = message(_checks.choice, "optimizer", no_name, table)
        assert came == f"optimizer: got {no_name!r}; allowed: 'adamw', 'sgd'."
    assert message(_checks.lookup, {}, "sgd", "optimizer") == "optimizer: got 'sgd'; allowed: ."


def test_a_wrong_shape():
    _checks.shape("logits", torch.zeros(4, 7), None, 7)
    assert message(_checks.shape, "logits", torch.zeros(4, 7), None, 8) == (
        "logits: got shape (4, 7); allowed: (any, 8)"
    )
    assert message(_checks.shape, "answer", np.zeros(3), 3, 1) == "answer: got shape (3,); allowed: (3, 1)"


def test_a_class_is_not_its_instance_and_a_number_is_no_function():
    assert _checks.instance("x", 3, int, str) == 3 and _checks.function("f", abs) is abs
    with pytest.raises(ValueError, match="x: got 3.0 .float.; allowed: an int or a str"):
        _checks.instance("x", 3.0, int, str)
    with pytest.raises(ValueError, match=r"x: got .* \(type\); allowed: an int. Did you mean int\(\)\?"):
        _checks.instance("x", int, int)
    with pytest.raises(ValueError, match="f: got 3 .int.; allowed: a function"):
        _checks.function("f", 3)
