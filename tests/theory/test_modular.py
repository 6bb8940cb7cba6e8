import math

import pytest
import torch

from labkit.theory.modular import amplitude, analytic_solution, logit_noise


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def table(solution):
    """Logits of all pairs by the plain formula, and the answers."""
    p = len(solution.U)
    a, b = torch.arange(p).repeat_interleave(p), torch.arange(p).repeat(p)
    return (solution.U[a] + solution.V[b]).square() @ solution.W.T, (a + b) % p


@pytest.mark.parametrize("seed", range(3))
def test_it_solves_modular_addition(seed):
    logits, answer = table(analytic_solution(97, 500, generator=generator(seed)))
    assert (logits.argmax(1) == answer).all()
    right = logits.gather(1, answer[:, None])
    assert float(right.mean()) == pytest.approx(1, abs=1e-9)


def test_other_logits_are_small_on_average():
    """Width a multiple of (p - 1)/2, where every frequency occurs equally often."""
    p = 31
    logits, answer = table(analytic_solution(p, 15 * 60, generator=generator()))
    wrong = logits.masked_fill(torch.nn.functional.one_hot(answer, p).bool(), 0).sum(1) / (p - 1)
    assert float(wrong.mean()) == pytest.approx(-1 / (p - 1), abs=1e-9)


@pytest.mark.parametrize("width", [120, 480])
def test_noise_of_a_logit_over_the_draw_of_the_phases(width):
    """Monte Carlo over 400 solutions at a few fixed pairs and outputs."""
    p, draws = 13, []
    a, b = torch.tensor([1, 4, 7]), torch.tensor([2, 11, 5])
    for seed in range(400):
        s = analytic_solution(p, width, generator=generator(seed))
        draws.append((s.U[a] + s.V[b]).square() @ s.W.T)
    spread = torch.stack(draws).std(0)
    assert float(spread.mean()) == pytest.approx(logit_noise(width), rel=0.05)


def test_phases_and_amplitude_are_as_stated():
    s = analytic_solution(11, 7, generator=generator(), dtype=torch.float32)
    assert s.U.dtype == torch.float32 and s.frequency.tolist() == [1, 2, 3, 4, 5, 1, 2]
    assert s.phases.abs().max() <= math.pi
    off = (s.phases[:, 0] + s.phases[:, 1] - s.phases[:, 2]) / (2 * math.pi)
    assert torch.allclose(off, off.round(), atol=1e-9)
    value = amplitude(7) * math.cos(2 * math.pi * 3 * 8 / 11 + float(s.phases[2, 2]))
    assert float(s.W[8, 2]) == pytest.approx(value, abs=1e-6)


def test_amplitude_with_a_prefactor():
    """The trap: with 1/N² in front of the network the amplitude grows with the width."""
    for width, prefactor in ((500, 1.0), (500, 1 / 500**2), (64, 0.1)):
        assert prefactor * amplitude(width, prefactor) ** 3 * width / 2 == pytest.approx(1)
    assert amplitude(1000) < amplitude(100)
    assert amplitude(1000, 1 / 1000**2) > amplitude(100, 1 / 100**2)


def test_errors():
    with pytest.raises(ValueError, match="p: got 98; allowed: an odd whole number"):
        analytic_solution(98, 10, generator=generator())
    with pytest.raises(ValueError, match="p: got 2; allowed: a whole number, 3 or more"):
        analytic_solution(2, 10, generator=generator())
    with pytest.raises(ValueError, match="width: got 0"):
        amplitude(0)
    with pytest.raises(ValueError, match="prefactor: got -1.0; allowed: a number above 0"):
        amplitude(10, -1.0)
