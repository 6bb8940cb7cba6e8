"""Spectra: known amplitudes at every frequency, Parseval, scipy, skimage, dense sampling of a line."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio

from labkit.measures import spectrum

F64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("points", [16, 17])
def test_amplitudes_are_those_of_a_sine_at_every_frequency(points):
    x = torch.arange(points, dtype=F64) / points
    for k in range(points // 2 + 1):
        alone = k == 0 or 2 * k == points
        wave = 0.7 * torch.cos(2 * math.pi * k * x + (0.0 if alone else 0.9))
        found = spectrum.amplitudes(wave)
        wanted = torch.zeros(points // 2 + 1, dtype=F64)
        wanted[k] = 0.7
        torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)


def test_learned_amplitudes_go_by_member_and_ignore_phase():
    x = torch.arange(100, dtype=F64) / 100
    f = torch.stack([0.3 * torch.sin(2 * math.pi * 4 * x + 1) + torch.sin(2 * math.pi * 9 * x), 0 * x])
    found = spectrum.learned_amplitudes(f, torch.tensor([4, 9, 20]), torch.tensor([1.0, 2.0, 1.0]))
    torch.testing.assert_close(found, torch.tensor([[0.3, 0.5, 0], [0, 0, 0]], dtype=F64), atol=1e-12, rtol=0)
    with pytest.raises(ValueError, match="frequencies: got 4 to 51 on 100 points; allowed: 0 to 50"):
        spectrum.learned_amplitudes(f, torch.tensor([4, 51]), torch.ones(2))
    with pytest.raises(ValueError, match="target: got an amplitude of 0"):
        spectrum.learned_amplitudes(f, torch.tensor([4]), torch.zeros(1))


def test_first_times_and_order():
    learnt = np.array([[0, 0, 0.6], [0.6, 0, 0.4], [0.9, 0.5, 0.9]])
    assert spectrum.first_times([0, 10, 20], learnt).tolist() == [10, math.inf, 0]
    times = [3.0, 8.0, 5.0, math.inf, math.inf]
    wanted = stats.spearmanr([1, 2, 3, 4, 5], [3, 8, 5, 99, 99]).statistic
    assert spectrum.learning_order([1, 2, 3, 4, 5], times) == pytest.approx(wanted)
    for times, order in (([4, 9], 1), ([9, 4], -1)):
        assert spectrum.learning_order([1, 2], times) == pytest.approx(order)
    assert math.isnan(spectrum.learning_order([1, 2, 3], [math.inf] * 3))


def test_the_centroid_of_two_waves_is_weighted_by_power():
    x = torch.arange(64, dtype=F64) / 64
    f = 2 * torch.sin(2 * math.pi * 3 * x) + torch.sin(2 * math.pi * 13 * x) + 5
    assert spectrum.spectral_centroid(f).item() == pytest.approx((4 * 3 + 13) / 5)
    assert spectrum.spectral_centroid(torch.ones(64)).item() == 0


def test_radial_power_is_a_plain_loop_and_finds_a_wave():
    image = torch.rand(8, 12, generator=seeded(), dtype=F64)
    power = torch.fft.fft2(image).abs().square() / 96
    sums, counts = np.zeros(20), np.zeros(20)
    for i in range(8):
        for j in range(12):
            u, v = (i if i <= 4 else i - 8), (j if j <= 6 else j - 12)
            r = round(math.hypot(u, v))
            sums[r] += power[i, j]
            counts[r] += 1
    np.testing.assert_allclose(spectrum.radial_power(image), (sums / counts.clip(1))[:5], rtol=1e-12)
    assert power.mean().item() == pytest.approx(image.square().mean().item())  # Parseval, as documented
    rows = torch.arange(32, dtype=F64)[:, None]
    wave = torch.sin(2 * math.pi * 6 * rows / 32).expand(32, 32)
    assert spectrum.radial_power(wave).argmax() == 6


def test_psnr_names_its_range():
    draw = np.random.default_rng(0)
    one, other = draw.random((2, 9, 9))
    wanted = peak_signal_noise_ratio(one, other, data_range=1.0)
    assert spectrum.psnr(np.square(one - other).mean(), "unit") == pytest.approx(wanted)
    # the same pictures on [-1, 1]: the error is four times as large, and so is range²
    assert spectrum.psnr(4 * np.square(one - other).mean(), "symmetric") == pytest.approx(wanted)
    assert spectrum.psnr(0.0, 1.0) == math.inf
    for bad in ("wide", 0.0, -1):
        with pytest.raises(ValueError, match="value_range: got"):
            spectrum.psnr(0.1, bad)
    with pytest.raises(TypeError):
        spectrum.psnr(0.1)


def test_the_spectral_norm_is_a_singular_value():
    """Neither Frobenius' norm, nor an eigenvalue: Rahaman et al.'s helper finds the latter."""
    w = torch.tensor([[0.0, 3.0], [0.0, 0.0]])  # eigenvalues 0, singular values 3 and 0
    assert spectrum.spectral_norm(w) == pytest.approx(3)
    w = torch.randn(7, 4, generator=seeded(1))
    assert spectrum.spectral_norm(w) == pytest.approx(np.linalg.svd(w.numpy())[1][0], rel=1e-6)
    assert spectrum.spectral_norm(w) < w.norm()


def test_kernels_drift_and_align():
    a = torch.randn(6, 9, generator=seeded(2), dtype=F64)
    kernel = a @ a.T
    values = spectrum.kernel_spectrum(kernel)
    np.testing.assert_allclose(values, np.linalg.svd(a.numpy())[1] ** 2, rtol=1e-9)
    assert spectrum.kernel_change(kernel * 1.5, kernel) == pytest.approx(0.5)
    assert spectrum.kernel_alignment(kernel * 1.5, kernel) == pytest.approx(1)
    assert spectrum.kernel_alignment(torch.diag(torch.tensor([1.0, 0])), torch.eye(2)) == pytest.approx(
        0.5**0.5
    )


@pytest.mark.parametrize("seed", range(5))
def test_regions_are_those_of_a_finely_sampled_line(seed):
    draw = seeded(seed)
    sizes = (2, 7, 6, 5, 1)
    layers = [
        (torch.randn(o, i, generator=draw, dtype=F64), torch.randn(o, generator=draw, dtype=F64))
        for i, o in zip(sizes, sizes[1:], strict=False)
    ]
    start, stop = torch.randn(2, 2, generator=draw, dtype=F64) * 4
    t = torch.linspace(0, 1, 400_001, dtype=F64)[:, None]
    h, patterns = start + (stop - start) * t, []
    for w, b in layers[:-1]:
        z = h @ w.T + b
        patterns.append(z > 0)
        h = z.relu()
    pattern = torch.cat(patterns, 1)
    wanted = int((pattern[1:] != pattern[:-1]).any(1).sum()) + 1
    assert wanted > 3
    assert spectrum.activation_regions(layers, start, stop) == wanted
    assert spectrum.activation_regions(layers[:1], start, stop) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spectrum.learning_order([1, 2, 3], [1, 2]), r"times: got shape \(2,\)"),
        (lambda: spectrum.kernel_change(torch.eye(3), torch.eye(2)), r"start: got shape \(2, 2\)"),
        (lambda: spectrum.kernel_alignment(torch.eye(3), torch.eye(2)), r"other: got shape \(2, 2\)"),
        (lambda: spectrum.spectral_norm(torch.ones(2, 3, 3)), r"weight: got shape \(2, 3, 3\)"),
        (
            lambda: spectrum.activation_regions(
                [(torch.ones(4, 1), None), (torch.ones(1, 4), None)], torch.zeros(2), torch.ones(1)
            ),
            r"start: got shape \(2,\); allowed: \(1\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(as_users_see_it, call, words):
    with pytest.raises(ValueError, match=words):
        call()
