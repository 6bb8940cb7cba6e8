import math

import pytest
import torch
from scipy import integrate

from labkit.theory import linear_estimator as levi

f64 = torch.float64


def by_density(function, ratio):
    """Mean over Marchenko and Pastur's density as textbooks print it, by adaptive quadrature."""
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    value, _ = integrate.quad(
        lambda v: function(v) * math.sqrt((high - v) * (v - low)) / (2 * math.pi * ratio * v),
        low,
        high,
        epsabs=1e-13,
        limit=400,
    )
    return value + max(0.0, 1 - 1 / ratio) * function(0.0)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 1.5])
def test_moments_and_losses_against_adaptive_quadrature(ratio):
    moments = [float(levi.marchenko_pastur_mean(lambda v, n=n: v**n, ratio)) for n in range(3)]
    assert moments == pytest.approx([1, 1, 1 + ratio], rel=1e-12)
    for time in (0.0, 30.0, 2000.0):
        train, test = (float(loss) for loss in levi.losses(torch.tensor(time), ratio, 0.01))
        decay = 0.04 * time
        assert train == pytest.approx(by_density(lambda v, k=decay: v * math.exp(-k * v), ratio), rel=1e-7)
        assert test == pytest.approx(by_density(lambda v, k=decay: math.exp(-k * v), ratio), rel=1e-7)


@pytest.mark.parametrize("ratio", [0.5, 1.5])
def test_losses_against_gradient_descent_of_a_student(ratio):
    """Plain gradient descent on the mean squared error; 40 teachers at once tame the scatter."""
    samples, rate, g = 500, 0.002, torch.Generator().manual_seed(0)
    d = int(ratio * samples)
    x = torch.randn(samples, d, generator=g, dtype=f64)
    teacher, student = torch.randn(2, d, 40, generator=g, dtype=f64) / math.sqrt(2 * d)
    labels = x @ teacher
    for step in range(601):
        error = x @ student - labels
        if step in (0, 100, 600):
            measured = [float(error.square().mean()), float((student - teacher).square().sum(0).mean())]
            predicted = [float(v) for v in levi.losses(torch.tensor(float(step)), ratio, rate)]
            assert measured == pytest.approx(predicted, rel=0.05), f"step {step}"
        student -= rate * 2 / samples * (x.T @ error)


@pytest.mark.parametrize("outputs", [1, 5])
def test_accuracy_against_random_errors(outputs):
    loss, threshold = 0.02, 0.03
    g = torch.Generator().manual_seed(0)
    error = math.sqrt(loss) * torch.randn(200_000, outputs, generator=g, dtype=f64)
    measured = float((error.square().mean(1) <= threshold).double().mean())
    assert float(levi.accuracy(torch.tensor(loss), threshold, outputs)) == pytest.approx(measured, abs=0.004)


def test_accuracy_of_one_output_is_an_error_function():
    assert float(levi.accuracy(torch.tensor(0.1), 0.05)) == pytest.approx(math.erf(math.sqrt(0.25)))
    assert float(levi.accuracy(torch.tensor(0.25), 1.0)) == pytest.approx(0.954, abs=1e-3)


# λ, train and test times at ε = 1e-3, delay at 1e-6, closed form: the lab's reference table (η = .01)
TABLE = [(0.1, 273, 296, 31, 41), (0.5, 725, 1156, 577, 716), (0.9, 2408, 22_890, 42_649, 56_386)]


@pytest.mark.parametrize(("ratio", "train", "test", "fine", "closed"), TABLE)
def test_reference_table(ratio, train, test, fine, closed):
    assert levi.solved_times(ratio, 1e-3, 0.01) == pytest.approx((train, test), abs=1)
    early, late = levi.solved_times(ratio, 1e-6, 0.01)
    assert late - early == pytest.approx(fine, abs=1)
    assert levi.delay(ratio, 0.01) == pytest.approx(closed, abs=1)


def test_closed_form_is_the_limit_of_small_thresholds():
    off = []
    for threshold in (1e-3, 1e-6, 1e-12, 1e-40):
        early, late = levi.solved_times(0.5, threshold, 0.01)
        off.append(levi.delay(0.5, 0.01) / (late - early) - 1)
    assert off == sorted(off, reverse=True) and 0 < off[-1] < 0.05


def test_too_few_samples_never_generalise():
    early, late = levi.solved_times(1.5, 1e-3, 0.01)
    assert math.isfinite(early) and late == math.inf
    assert float(levi.losses(torch.tensor(1e9), 1.5, 0.01)[1]) == pytest.approx(1 / 3)
    assert levi.solved_times(0.5, 8.0, 0.01) == (0.0, 0.0)


def test_errors():
    with pytest.raises(ValueError, match="ratio: got 0.0; allowed: a number above 0"):
        levi.losses(torch.zeros(1), 0.0, 0.01)
    with pytest.raises(ValueError, match="ratio: got 1.5; allowed: a number above 0 and below 1"):
        levi.delay(1.5, 0.01)
    with pytest.raises(ValueError, match="threshold: got -1.0"):
        levi.accuracy(torch.ones(1), -1.0)
