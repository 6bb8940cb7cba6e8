import math

import pytest

from labkit.claims.claim import FAILS, HOLDS, NOT_RUN, Claim, Expected, Measured, middle, number

NEVER = math.nan


def claim(*expected, **options):
    fixed = {"id": "toy/x", "paper": "a paper", "says": "It works.", "source": "nowhere", "measure": None}
    return Claim(**fixed, expected=expected, **options)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([10] * 9 + [1], True),  # one seed may stay outside
        ([10] * 8 + [1, 1], False),
        ([8] * 10, True),  # the ends belong to the band
        ([10] * 9 + [NEVER], True),
        ([10] * 8 + [NEVER, NEVER], False),
        ([NEVER] * 10, False),
        ([math.inf] * 10, True),
    ],
)
def test_at_least_nine_of_ten_seeds(values, verdict):
    assert Expected("ratio", low=8, seeds=(9, 10)).holds(values) is verdict


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.98], True),
        ([0.95], True),
        ([0.949], False),
        ([0.2, 0.98, 0.99], True),  # the median counts
        ([0.2, 0.3, 0.99], False),
        ([1.02], False),
        ([NEVER], False),
        ([0.98, 0.98, NEVER], True),
        ([0.98, NEVER, NEVER], False),
    ],
)
def test_the_median_lies_in_the_band(values, verdict):
    assert Expected("accuracy", low=0.95, high=1.01).holds(values) is verdict


def test_a_seed_that_never_gets_there_raises_the_median_never_lowers_it():
    assert middle([5, NEVER, 7])[:2] == (5, 7)
    assert math.isnan(middle([5, NEVER, NEVER])[1])
    assert not Expected("step", high=6).holds([5, NEVER, 7])
    assert not Expected("step", high=60).holds([10, NEVER])  # half never: no median


@pytest.mark.parametrize("values", [[], [1] * 9, [1] * 11])
def test_the_number_of_seeds_belongs_to_the_claim(values):
    with pytest.raises(ValueError, match=f"step: got values of {len(values)} seeds; allowed: 10"):
        Expected("step", high=60, seeds=(9, 10)).holds(values)


@pytest.mark.parametrize("band", [{}, {"low": 2, "high": 1}, {"low": math.nan}])
def test_a_band_that_says_nothing_is_refused(band):
    with pytest.raises(ValueError, match="allowed: low <= high"):
        Expected("x", **band)


def test_every_number_must_hold():
    both = claim(Expected("train", low=0.9), Expected("test", high=0.1))
    assert both.verdict(Measured({"train": [1], "test": [0]})) == HOLDS
    assert both.verdict(Measured({"train": [1], "test": [0.5]})) == FAILS
    assert both.verdict(Measured({"train": [0.5], "test": [0]})) == FAILS
    assert both.verdict(None) == NOT_RUN


@pytest.mark.parametrize("values", [{"train": [1]}, {"train": [1], "test": [0], "other": [0]}, {}])
def test_a_measurement_reports_what_was_asked_for(values):
    both = claim(Expected("train", low=0.9), Expected("test", high=0.1))
    with pytest.raises(ValueError, match="toy/x: got .* allowed: "):
        both.verdict(Measured(values))


def test_in_words():
    step = Expected("step", high=60, reference=48, seeds=(9, 10))
    assert step.text() == "step ≤ 60 for 9 of 10 seeds (reference 48)"
    assert step.measured([44] * 9 + [70]) == "step 44 [44, 70], 9 of 10 seeds inside"
    assert step.measured([44] * 9 + [NEVER]) == "step 44 [44, 44], 9 of 10 seeds inside, 1 never"
    accuracy = Expected("train", low=0.948, high=1.008, reference=0.978)
    assert accuracy.text() == "train 0.948 … 1.01 (reference 0.978)"
    assert accuracy.measured([0.9785]) == "train 0.979, 1 seed"
    assert Expected("falls", low=5, high=5).text() == "falls 5"
    assert claim(step, accuracy).reading(Measured({"step": [1], "train": [NEVER]}, "quickly")) == (
        "step 1, 1 of 1 seed inside; train never, 1 seed (quickly)"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(20_000, "20 000"), (1.0, "1"), (0.0089, "0.0089"), (23.456, "23.5"), (523.4, "523"), (NEVER, "never")],
)
def test_numbers_in_words(value, text):
    assert number(value) == text
