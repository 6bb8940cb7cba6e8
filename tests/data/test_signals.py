"""Targets on the line: against a plain sum, scipy's waves, and their own spectrum."""

import math

import numpy as np
import pytest
import torch
from scipy import signal as waves

from labkit.data import signals


def test_sines_are_a_plain_sum():
    phases = [0.3, 1.7, 4.0]
    made = signals.sines([3, 7, 20], [1.0, 0.5, 2.0], points=50, phases=phases)
    wanted = [
        sum(
            a * math.sin(2 * math.pi * k * n / 50 + p)
            for k, a, p in zip((3, 7, 20), (1, 0.5, 2), phases, strict=True)
        )
        for n in range(50)
    ]
    np.testing.assert_allclose(made.y, wanted, atol=1e-12)
    assert made.frequencies.tolist() == [3, 7, 20] and made.amplitudes.tolist() == [1, 0.5, 2]


def test_rising_amplitudes_are_those_of_the_paper():
    made = signals.sines(range(5, 55, 5), "rising", generator=torch.Generator())
    np.testing.assert_allclose(made.amplitudes, 0.1 * (np.arange(10) + 1))
    assert len(made.x) == 200 and made.x[-1] < 1


def test_phases_are_drawn_from_the_generator():
    def draw(seed):
        return signals.sines([4], generator=torch.Generator().manual_seed(seed)).y

    assert torch.equal(draw(0), draw(0)) and not torch.equal(draw(0), draw(1))


@pytest.mark.parametrize("name", ["square", "saw"])
def test_square_and_saw_are_scipys(name):
    late = (np.arange(200) + 0.5) / 200
    wave = waves.square if name == "square" else waves.sawtooth
    made = getattr(signals, name)(3, points=200)
    np.testing.assert_allclose(made.y, wave(2 * np.pi * 3 * late), atol=1e-9)
    multiples = set((made.frequencies // 3).tolist())
    assert all(k % 3 == 0 for k in made.frequencies.tolist())
    assert multiples == set(range(1, 25, 2)) if name == "square" else multiples == set(range(1, 13))


def test_a_chirp_is_scipys_and_a_high_target_has_nothing_slow():
    made = signals.chirp(2, 30)
    np.testing.assert_allclose(made.y, waves.chirp(made.x.numpy(), f0=2, t1=1, f1=30, phi=-90), atol=1e-9)
    high = signals.high_only(40, 3, generator=torch.Generator())
    assert high.frequencies.tolist() == [40, 41, 42]
    assert torch.fft.rfft(high.y)[:40].abs().max() < 1e-10


def test_ones_own_numbers_in_one_call(tmp_path):
    y = np.sin(2 * np.pi * 5 * np.arange(64) / 64)
    np.save(tmp_path / "mine.npy", y[:, None])
    np.savetxt(tmp_path / "mine.csv", y[None], delimiter=",")
    for source in (
        y,
        list(y),
        torch.tensor(y, requires_grad=True),
        tmp_path / "mine.npy",
        str(tmp_path / "mine.csv"),
    ):
        made = signals.signal(source)
        np.testing.assert_allclose(made.y, y, atol=1e-12)
        assert made.frequencies.tolist() == [5] and made.amplitudes.item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: signals.sines([30], points=60, phases=[0]),
            r"frequencies: got 30 on 60 points; allowed: up",
        ),
        (lambda: signals.chirp(1, 99.5, points=200), "high: got 100 on 200 points; .* Nyquist frequency 100"),
        (lambda: signals.saw(40, points=64), "frequencies: got 40 on 64 points"),
        (lambda: signals.sines([]), "frequencies: got none; .* an empty target"),
        (lambda: signals.sines([3, 3], phases=[0, 0]), "allowed: each once"),
        (lambda: signals.sines([2.5]), r"frequencies: got 2.5 \(float\); allowed: a whole number"),
        (lambda: signals.sines([2], [0.0], phases=[0]), "amplitudes: got .*; allowed: 1 numbers above 0"),
        (lambda: signals.sines([2], "louder"), "amplitudes: got 'louder'"),
        (lambda: signals.sines([2]), "generator: got None without phases"),
        (lambda: signals.signal(np.ones(10)), "y: got a constant"),
        (lambda: signals.signal([]), "y: got 0 numbers"),
        (lambda: signals.signal([0, 1, math.nan, 1]), "or one not finite"),
        (lambda: signals.signal([1j, 2, 3, 1]), "signal: got complex128; allowed: real numbers"),
        (lambda: signals.signal(np.eye(5)), r"signal: got shape \(5, 5\)"),
        (lambda: signals.signal("nowhere.npy"), "signal: got 'nowhere.npy', where there is no file"),
    ],
)
def test_bad_targets_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
