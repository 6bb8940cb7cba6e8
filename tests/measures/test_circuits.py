import math

import numpy as np
import pytest
import torch

from labkit import measures
from labkit.data.arithmetic import TASKS, pairs
from labkit.theory.modular import analytic_solution

f64 = torch.float64


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=f64)


def cross_entropy(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels)


def solution(p=97, width=500, seed=0):
    return analytic_solution(p, width, generator=torch.Generator().manual_seed(seed))


# inverse participation ratio


@pytest.mark.parametrize("p", [97, 12])
def test_ipr_is_that_of_the_published_code(p):
    """Doshi et al.: each row's |rfft| divided by its norm, to the fourth power, summed; mean over U, V, W."""
    U, V, W = (normal(p, 6, seed=s).numpy() + 0.3 for s in range(3))
    expected = np.zeros(6)
    for neuron in range(6):
        for matrix in (U, V, W):
            magnitude = np.abs(np.fft.rfft(matrix[:, neuron]))
            expected[neuron] += ((magnitude / np.sqrt((magnitude**2).sum())) ** 4).sum() / 3
    got = measures.inverse_participation_ratio(*map(torch.tensor, (U, V, W)), measures.additive(p))
    assert np.allclose(got.numpy(), expected)


def test_ipr_known_answers():
    b = measures.additive(97)
    angle = torch.arange(97, dtype=f64) * 2 * math.pi / 97
    pure = (5 * angle + 0.4).cos()
    flat = torch.eye(97, dtype=f64)[3]  # one token: all frequencies alike
    two = (5 * angle).cos() + (9 * angle + 1).cos()
    x = torch.stack([pure, flat, two, torch.ones(97, dtype=f64), torch.zeros(97, dtype=f64)], 1)
    got = measures.inverse_participation_ratio(x, x, x, b)
    assert got.tolist() == pytest.approx([1, 1 / 49, 1 / 2, 1, 0])
    mixed = measures.inverse_participation_ratio(x[:, :1], x[:, 1:2], x[:, 2:3], b)
    assert float(mixed) == pytest.approx((1 + 1 / 49 + 1 / 2) / 3)


def test_ipr_of_gaussian_weights_is_about_two_over_the_number_of_frequencies():
    x = normal(3, 97, 2000)
    got = measures.inverse_participation_ratio(*x, measures.additive(97))
    assert float(got.mean()) == pytest.approx(2 / 49, rel=0.1)


def test_ipr_of_representations():
    b = measures.permutations(4)
    pure = b.rows([2]).T @ normal(4, 1)
    flat = torch.eye(24, dtype=f64)[:, :1]  # the regular representation: every coefficient alike
    x = torch.cat([pure, flat], 1)
    assert measures.inverse_participation_ratio(x, x, x, b).tolist() == pytest.approx([1, 1 / 5])


def test_neuron_measures_follow_a_permutation_of_the_neurons_and_ignore_scale():
    U, V, W = normal(3, 31, 8)
    b, order = measures.additive(31), torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    for measure in (measures.inverse_participation_ratio, measures.neuron_spectra, measures.phases):
        plain = measure(U, V, W, b)
        assert torch.allclose(measure(U[:, order], V[:, order], W[:, order], b), plain[order])
        assert torch.allclose(measure(U * 1e-3, V * 1e-3, W * 50, b), plain)


# one frequency per neuron


def test_neuron_spectra_average_the_three_shares():
    b = measures.additive(97)
    U, V, W = normal(3, 97, 5)
    got = measures.neuron_spectra(U, V, W, b)
    assert got.shape == (5, 48) and torch.allclose(got.sum(1), torch.ones(5, dtype=f64))
    one = sum(measures.fourier_spectrum(x[:, 2:3], b) for x in (U, V, W)) / 3
    assert torch.allclose(got[2], one)


def test_analytic_solution_is_read_back():
    s, b = solution(), measures.additive(97)
    spectra = measures.neuron_spectra(s.U, s.V, s.W, b)
    assert torch.equal(measures.dominant_frequency(spectra), s.frequency)
    assert torch.allclose(measures.inverse_participation_ratio(s.U, s.V, s.W, b), torch.ones(500, dtype=f64))
    got = measures.phases(s.U, s.V, s.W, b)
    wrapped = (got - s.phases + math.pi).remainder(2 * math.pi) - math.pi
    assert wrapped.abs().max() < 1e-9
    assert measures.phase_mismatch(got).abs().max() < 1e-9
    assert measures.phase_mismatch(got, -1).abs().mean() > 0.5


def test_phases_are_the_angles_of_the_discrete_fourier_transform():
    p = 31
    U, V, W = normal(3, p, 20)
    b = measures.additive(p)
    k = measures.dominant_frequency(measures.neuron_spectra(U, V, W, b))
    expected = torch.stack([torch.fft.fft(x, dim=0)[k, torch.arange(20)].angle() for x in (U, V, W)], 1)
    assert torch.allclose(measures.phases(U, V, W, b), expected)


def test_phases_over_the_discrete_logarithm():
    """The solution for addition modulo p - 1, laid along the logarithm, is read back in that basis."""
    p = 31
    b = measures.multiplicative(p)
    place = torch.arange(p - 1, dtype=f64)[:, None] * 2 * math.pi / (p - 1)
    k, given = torch.tensor([2, 5, 14]), torch.tensor([[0.3, -1.0, 2.0], [1, 1, -1], [-3, 0, 3]], dtype=f64)
    U, V, W = torch.zeros(3, p, 3, dtype=f64)
    for matrix, phase in zip((U, V, W), given.T, strict=True):
        matrix[b.order] = (place * k + phase).cos()
    assert torch.allclose(measures.phases(U, V, W, b), given)


def test_phase_of_a_one_function_frequency_is_zero_or_pi():
    x = torch.tensor([1.0, -1.0] * 6, dtype=f64)[:, None]
    got = measures.phases(x, -x, x, measures.additive(12))
    assert got.tolist()[0] == pytest.approx([0, math.pi, 0])


def test_phase_mismatch_wraps():
    got = measures.phase_mismatch(
        torch.tensor([[3.0, 3.0, -1.0], [1.0, 0.5, 1.5], [3.0, 0.0, -3.0]], dtype=f64)
    )
    assert got.tolist() == pytest.approx([7 - 2 * math.pi, 0, 6 - 2 * math.pi])
    assert measures.phase_mismatch(torch.tensor([[0.2, 0.5, -0.3]]), -1).tolist() == pytest.approx(
        [0], abs=1e-6
    )


def test_phase_errors(as_users_see_it):
    U = normal(24, 2)
    with pytest.raises(ValueError, match="basis: got 'permutations'; allowed: one of waves"):
        measures.phases(U, U, U, measures.permutations(4))
    with pytest.raises(ValueError, match="sign: got 2; allowed: 1 or -1"):
        measures.phase_mismatch(torch.zeros(1, 3), 2)
    with pytest.raises(ValueError, match=r"W: got shape \(23, 2\); allowed: \(24, 2\)"):
        measures.phases(U, U, U[1:], measures.additive(24))


# restricted and excluded loss


def nanda(logits, p, keys):
    """Projection on cos w(a+b) and sin w(a+b), built from products of one-dimensional waves on the grid."""
    a = torch.arange(p, dtype=f64)
    total = torch.zeros_like(logits)
    for k in keys:
        c, s = (math.sqrt(2 / p) * wave(2 * math.pi * k * a / p) for wave in (torch.cos, torch.sin))
        for grid in (torch.outer(c, c) - torch.outer(s, s), torch.outer(s, c) + torch.outer(c, s)):
            direction = grid.flatten() / math.sqrt(2)
            total += torch.outer(direction, direction @ logits)
    return total


def test_losses_agree_with_the_projection_of_the_paper_written_out():
    p, keys = 13, [2, 5]
    table = pairs("a+b", p)
    logits = 3 * normal(p * p, p) + 4 * torch.eye(p, dtype=f64)[table.answer] + normal(p, seed=1)
    kept, b = nanda(logits, p, keys), measures.additive(p)
    rows = torch.arange(0, p * p, 3)
    expected = cross_entropy(kept + (logits - kept).mean(0), table.answer)  # the paper's bias correction
    assert measures.restricted_loss(logits, table.answer, b, keys, cross_entropy) == pytest.approx(
        float(expected)
    )
    expected = cross_entropy((kept + logits.mean(0))[rows], table.answer[rows])
    got = measures.restricted_loss(logits, table.answer, b, keys, cross_entropy, index=rows)
    assert got == pytest.approx(float(expected))
    expected = cross_entropy((logits - kept)[rows], table.answer[rows])
    got = measures.excluded_loss(logits, table.answer, b, keys, cross_entropy, train_index=rows)
    assert got == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("task", "basis"),
    [(name, task.basis) for name, task in TASKS.items() if task.basis]
    # answers that are not equally frequent, so that the functions are not orthogonal over the table
    + [("a^2+b^2", "additive"), ("a^3+ab", "multiplicative"), ("a*b", "additive")],
)
def test_parts_are_the_orthogonal_projection_in_every_basis(task, basis):
    """Against least squares on the functions of the answer, the constant among them."""
    size = 4 if basis == "permutations" else 11
    table = pairs(task, size)
    b = measures.basis(basis, size)
    keys = [1, 3]
    logits = normal(len(table.answer), table.tokens) + torch.eye(table.tokens, dtype=f64)[table.answer]
    functions = torch.cat([b.matrix[(b.group == k)] for k in keys])[:, table.answer].T
    functions = torch.cat([torch.ones(len(functions), 1, dtype=f64), functions], 1)
    fitted = functions @ torch.linalg.lstsq(functions, logits, driver="gelsd").solution
    seen = {}

    def loss(name):
        return lambda got, labels: seen.update({name: got}) or cross_entropy(got, labels)

    everything = torch.arange(len(logits))
    measures.restricted_loss(logits, table.answer, b, keys, loss("kept"), index=everything)
    measures.excluded_loss(logits, table.answer, b, keys, loss("left"), train_index=everything)
    assert torch.allclose(seen["kept"], fitted, atol=1e-9)
    assert torch.allclose(seen["left"], logits - fitted + logits.mean(0), atol=1e-9)


@pytest.mark.parametrize("task", ["a-b", "a*b"])
def test_short_cut_for_equally_frequent_answers_is_exact(task):
    """One row an answer where it applies (a - b); not taken where it does not (a·b has many zeros)."""
    table, b = pairs(task, 13), measures.basis(TASKS[task].basis, 13)
    logits, answer = normal(169, 13), table.answer
    short = measures.restricted_loss(logits, answer, b, [1, 4], cross_entropy)
    long = measures.restricted_loss(logits, answer, b, [1, 4], cross_entropy, index=torch.arange(169))
    assert short == pytest.approx(long, rel=1e-12)
    noisy = answer.roll(1)
    short = measures.restricted_loss(logits, answer, b, [1, 4], cross_entropy, labels=noisy)
    long = measures.restricted_loss(logits, answer, b, [1, 4], cross_entropy, torch.arange(169), noisy)
    assert short == pytest.approx(long, rel=1e-12)
    assert abs(short - measures.restricted_loss(logits, answer, b, [1, 4], cross_entropy)) > 1e-4


def test_a_circuit_survives_restriction_and_not_exclusion():
    """The analytic solution with a few frequencies, and the same hidden under memorised rows."""
    p = 31
    table, b = pairs("a+b", p), measures.additive(p)
    turn = 2 * math.pi / p * (table.answer[:, None] - torch.arange(p)).to(f64)
    keys, other = [3, 7, 11], [5]
    circuit = 5 * sum((k * turn).cos() for k in keys)
    train = torch.randperm(p * p, generator=torch.Generator().manual_seed(0))[:300]

    def restricted(logits, keys):
        return measures.restricted_loss(logits, table.answer, b, keys, cross_entropy)

    def excluded(logits, keys):
        return measures.excluded_loss(logits, table.answer, b, keys, cross_entropy, train)

    assert restricted(circuit, keys) == pytest.approx(float(cross_entropy(circuit, table.answer)))
    assert restricted(circuit, other) == pytest.approx(math.log(p))
    assert excluded(circuit, keys) == pytest.approx(math.log(p))
    assert excluded(circuit, other) == pytest.approx(
        float(cross_entropy(circuit[train], table.answer[train]))
    )
    memorised = torch.zeros(p * p, p, dtype=f64)
    memorised[train, table.answer[train]] = 15.0
    assert excluded(memorised, keys) < 0.1 and restricted(memorised, keys) > 1


def test_labels_may_differ_from_answers_and_no_keys_means_the_mean():
    table, b = pairs("a+b", 7), measures.additive(7)
    logits, labels = normal(49, 7), torch.arange(49) % 7
    rows = torch.arange(10)
    got = measures.excluded_loss(logits, table.answer, b, [], cross_entropy, rows, labels)
    assert got == pytest.approx(float(cross_entropy(logits[rows], labels[rows])))
    got = measures.restricted_loss(logits, table.answer, b, [], cross_entropy, labels=labels)
    assert got == pytest.approx(float(cross_entropy(logits.mean(0).expand(49, 7), labels)))


def test_float32_logits_agree_with_float64():
    table, b = pairs("a*b", 31), measures.multiplicative(31)
    logits = normal(len(table.answer), 31)
    for measure in (measures.restricted_loss, measures.excluded_loss):
        fine = measure(logits, table.answer, b, [2, 15], cross_entropy)
        coarse = measure(logits.float(), table.answer, b, [2, 15], cross_entropy)
        assert coarse == pytest.approx(fine, rel=1e-5)


def test_loss_errors(as_users_see_it):
    table, b = pairs("a+b", 7), measures.additive(7)
    with pytest.raises(ValueError, match=r"answer: got shape \(48,\); allowed: \(49\)"):
        measures.restricted_loss(normal(49, 7), table.answer[1:], b, [1], cross_entropy)
    with pytest.raises(ValueError, match="frequency: got 9; allowed: a whole number from 1 to 3"):
        measures.excluded_loss(normal(49, 7), table.answer, b, [9], cross_entropy)
