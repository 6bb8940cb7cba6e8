import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import measures
from labkit.data import groups
from labkit.measures.fourier import powers

f64 = torch.float64
ALL = [("additive", 97), ("additive", 12), ("multiplicative", 97), ("permutations", 4)]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=f64)


@pytest.mark.parametrize(("name", "size"), ALL)
def test_functions_are_orthonormal_and_complete_on_the_tokens_they_cover(name, size):
    b = measures.basis(name, size)
    functions = len(b.matrix)
    assert torch.allclose(b.matrix @ b.matrix.T, torch.eye(functions, dtype=f64), atol=1e-12)
    covered = torch.zeros(b.tokens, dtype=f64)
    covered[b.order] = 1
    assert torch.allclose(b.matrix.T @ b.matrix, covered.diag(), atol=1e-12)
    assert sorted(b.order.tolist()) == torch.where(covered > 0)[0].tolist()


@pytest.mark.parametrize(("name", "size"), ALL)
def test_rows_stand_in_order_of_frequency_with_the_constant_first(name, size):
    b = measures.basis(name, size)
    assert (b.group.diff() >= 0).all() and int(b.group[-1]) == b.frequencies
    constant = b.matrix[0, b.order]
    assert b.sizes[0] == 1 and torch.allclose(constant, constant[0].expand_as(constant))
    assert int(b.sizes.sum()) == len(b.matrix) and len(b.labels) == b.frequencies + 1


def test_additive_agrees_with_the_fast_fourier_transform():
    p, x = 97, normal(97, 5)
    magnitude = torch.fft.rfft(x, dim=0).abs().square()
    got = powers(x, measures.additive(p))
    assert torch.allclose(got[0], magnitude[0] / p)
    assert torch.allclose(got[1:], magnitude[1:] * 2 / p)


def test_even_modulus_has_a_one_function_nyquist_frequency():
    b = measures.additive(12)
    assert b.sizes.tolist() == [1, 2, 2, 2, 2, 2, 1] and b.labels[-1] == "6"
    alternating = torch.tensor([1.0, -1.0] * 6, dtype=f64)[:, None]
    assert torch.allclose(measures.fourier_spectrum(alternating, b), torch.eye(6, dtype=f64)[5])


def test_multiplicative_frequencies_are_characters():
    p = 31
    b = measures.multiplicative(p)
    a, c = torch.meshgrid(torch.arange(1, p), torch.arange(1, p), indexing="ij")
    for k in (1, 7, 14):
        wave = torch.complex(*b.matrix[b.group == k])
        wave = wave / wave[1]
        assert torch.allclose(wave[a * c % p], wave[a] * wave[c], atol=1e-12)
    legendre = torch.tensor([1.0 if pow(t, (p - 1) // 2, p) == 1 else -1.0 for t in range(1, p)], dtype=f64)
    assert torch.allclose(b.matrix[-1, 1:] * math.sqrt(p - 1), legendre)
    assert (b.matrix[:, 0] == 0).all()


def test_power_of_a_matrix_coefficient_sits_in_its_representation():
    b = measures.permutations(5)
    for k, irrep in enumerate(groups.irreps(5)):
        if k == 0:
            continue
        d = irrep.matrices.shape[1]
        mixed = torch.einsum("gij,ij->g", irrep.matrices, normal(d, d, seed=k))[:, None]
        expected = torch.zeros(b.frequencies, dtype=f64)
        expected[b.labels.index("(" + ",".join(map(str, irrep.partition)) + ")") - 1] = 1
        assert torch.allclose(measures.fourier_spectrum(mixed, b), expected, atol=1e-12)


def test_permutation_frequencies_are_named_by_partitions():
    b = measures.permutations(4)
    assert b.labels == ("(4)", "(3,1)", "(2,2)", "(2,1,1)", "(1,1,1,1)")
    assert b.sizes.tolist() == [1, 9, 4, 9, 1]


@pytest.mark.parametrize(("name", "size"), ALL)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-6, 1e6))
def test_parseval_and_shares(name, size, seed, scale):
    b = measures.basis(name, size)
    x = normal(b.tokens, 3, seed=seed) * scale
    assert torch.allclose(powers(x, b).sum(0), x[b.order].square().sum(0))
    got = measures.fourier_spectrum(x, b)
    assert got.shape == (b.frequencies,) and (got >= 0).all()
    assert float(got.sum()) == pytest.approx(1)
    assert torch.allclose(measures.fourier_spectrum(x + 3 * scale, b), got)  # blind to the constant


def test_spectrum_is_blind_to_translations_of_the_group():
    x = normal(97, 4)
    shares = measures.fourier_spectrum(x, measures.additive(97))
    assert torch.allclose(measures.fourier_spectrum(x.roll(5, 0), measures.additive(97)), shares)
    times = torch.arange(97) * 5 % 97
    shares = measures.fourier_spectrum(x, measures.multiplicative(97))
    assert torch.allclose(measures.fourier_spectrum(x[times], measures.multiplicative(97)), shares)
    x, table = normal(24, 4), groups.compose_table(4)
    shares = measures.fourier_spectrum(x, measures.permutations(4))
    for moved in (table[7], table[:, 7]):
        assert torch.allclose(measures.fourier_spectrum(x[moved], measures.permutations(4)), shares)


def test_spectrum_of_several_matrices_adds_their_power():
    b, x, y = measures.additive(31), normal(31, 4), normal(31, 7, seed=1)
    together = measures.fourier_spectrum(torch.cat([x, y], 1), b)
    assert torch.allclose(measures.fourier_spectrum([x, y], b), together)


def test_spectrum_known_shares():
    angle = torch.arange(97, dtype=f64) * 2 * math.pi / 97
    x = torch.stack([3 * (5 * angle).cos() + 1, 4 * (9 * angle + 1).sin()], 1).float()
    got = measures.fourier_spectrum(x, measures.additive(97))
    assert got.dtype == f64
    assert [float(got[4]), float(got[8])] == pytest.approx([9 / 25, 16 / 25], abs=1e-6)
    assert measures.fourier_spectrum(torch.zeros(97, 2), measures.additive(97)).tolist() == [0] * 48


def test_measures_move_weights_to_the_basis_and_leave_gradients_alone():
    x = normal(31, 4).float().requires_grad_()
    got = measures.fourier_spectrum(x, measures.additive(31).to("cpu"))
    assert not got.requires_grad and got.dtype == f64


@settings(max_examples=50, deadline=None)
@given(
    power=st.lists(st.floats(0, 1e6), min_size=1, max_size=8).filter(lambda p: sum(p) > 1e-9),
    share=st.floats(0, 1),
)
def test_key_frequencies_are_the_smallest_sufficient_set(power, share):
    keys = measures.key_frequencies(torch.tensor(power, dtype=f64), share)
    need = share * sum(power) * (1 - 1e-9)
    assert keys == sorted(set(keys)) and sum(power[k - 1] for k in keys) >= need
    for fewer in itertools.combinations(power, max(len(keys) - 1, 0)):
        assert len(keys) == 0 or sum(fewer) < share * sum(power) * (1 + 1e-9)


def test_key_frequencies_known_answers():
    power = torch.tensor([0.05, 0.5, 0.0, 0.4, 0.05], dtype=f64)
    assert measures.key_frequencies(power) == [2, 4]
    assert measures.key_frequencies(power, 0.5) == [2]
    assert measures.key_frequencies(power, 1.0) == [1, 2, 4, 5]
    assert measures.key_frequencies(torch.zeros(5)) == []
    assert measures.key_frequencies(torch.full((10,), 0.1, dtype=f64)) == list(range(1, 10))


@pytest.mark.parametrize("make", [measures.additive, measures.multiplicative])
def test_circle_of_a_perfect_circle_has_the_angle_of_the_wave(make):
    b, k, radius = make(53), 4, 3.0
    period = len(b.matrix)
    plane = torch.linalg.qr(normal(20, 2))[0]
    angle = torch.arange(period, dtype=f64) * k * 2 * math.pi / period
    x = torch.full((53, 20), 0.7, dtype=f64)
    x[b.order] += radius * torch.stack([angle.cos(), angle.sin()], 1) @ plane.T
    got = measures.circle(x, b, k)[b.order]
    assert torch.allclose(got, radius * torch.stack([angle.cos(), angle.sin()], 1), atol=1e-9)


def test_circle_does_not_spin_under_noise_or_rotation_of_the_width():
    angle = torch.arange(97, dtype=f64) * 8 * 2 * math.pi / 97
    ring = torch.stack([angle.cos(), angle.sin()], 1)
    x = ring @ torch.linalg.qr(normal(30, 2))[0].T
    noisy = measures.circle(x + 0.01 * normal(97, 30, seed=1), measures.additive(97), 8)
    assert (noisy - ring).norm(dim=1).max() < 0.1
    turned = measures.circle(x @ torch.linalg.qr(normal(30, 30, seed=2))[0], measures.additive(97), 8)
    assert torch.allclose(turned, ring, atol=1e-9)


def test_circle_is_the_projection_on_an_orthonormal_pair():
    for b, k in ((measures.additive(23), 3), (measures.permutations(4), 1)):
        x = normal(b.tokens, 9)
        got = measures.circle(x, b, k)
        axes = torch.linalg.lstsq(x - x.mean(0), got).solution
        assert torch.allclose((x - x.mean(0)) @ axes, got)
        assert torch.allclose(axes.T @ axes, torch.eye(2, dtype=f64), atol=1e-9)


def test_circle_of_a_representation_takes_the_strongest_directions():
    b = measures.permutations(4)
    first, second = torch.linalg.qr(normal(9, 2))[0].T
    rows = b.rows([1])
    x = 5 * torch.outer(rows[0], first) + 2 * torch.outer(rows[4], second)
    got = measures.circle(x, b, 1)
    assert torch.allclose(got.abs(), torch.stack([5 * rows[0], 2 * rows[4]], 1).abs(), atol=1e-9)


def test_circle_of_a_line_or_of_nothing():
    alternating = torch.tensor([1.0, -1.0] * 4, dtype=f64)[:, None] @ normal(1, 3)
    got = measures.circle(alternating, measures.additive(8), 4)
    assert (got[:, 1] == 0).all() and torch.allclose(got[:, 0].abs(), got[0, 0].abs().expand(8))
    assert float(got[0, 0]) > 0
    assert (measures.circle(torch.ones(8, 3), measures.additive(8), 1) == 0).all()


def test_basis_table():
    assert measures.basis(None, 97) is None
    for name in measures.BASES:
        assert measures.basis(name, 5).name == name
    with pytest.raises(ValueError, match="basis: got 'aditive'.*Did you mean 'additive'"):
        measures.basis("aditive", 97)


def test_errors_name_what_came(as_users_see_it):
    with pytest.raises(ValueError, match="p: got 1; allowed: a whole number, 2 or more"):
        measures.additive(1)
    with pytest.raises(ValueError, match="modulus: got 15; allowed: a prime"):
        measures.multiplicative(15)
    with pytest.raises(ValueError, match="n: got 1; allowed"):
        measures.permutations(1)
    b = measures.additive(7)
    with pytest.raises(ValueError, match=r"matrix: got shape \(8, 2\); allowed: \(7, any\)"):
        measures.fourier_spectrum(torch.ones(8, 2), b)
    with pytest.raises(ValueError, match="frequency: got 4; allowed: a whole number from 1 to 3"):
        measures.circle(torch.ones(7, 2), b, 4)
    with pytest.raises(ValueError, match="share: got 1.5"):
        measures.key_frequencies(torch.ones(3), 1.5)
    with pytest.raises(ValueError, match="power: got a negative or non-finite entry"):
        measures.key_frequencies(torch.tensor([1.0, float("nan")]))
