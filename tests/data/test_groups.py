from math import factorial

import pytest
import torch

from labkit.data import groups

NS = [1, 2, 3, 4, 5]


def cycle_type(perm):
    left, lengths = set(range(len(perm))), []
    while left:
        start = x = left.pop()
        length = 1
        while (x := perm[x]) != start:
            left.discard(x)
            length += 1
        lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


@pytest.mark.parametrize("n", NS)
def test_permutations_are_all_different_and_sorted(n):
    rows = [tuple(row) for row in groups.permutations(n).tolist()]
    assert len(set(rows)) == factorial(n)
    assert rows == sorted(rows)
    assert rows[0] == tuple(range(n))


def test_composition_applies_the_right_one_first():
    perms = groups.permutations(4)
    table = groups.compose_table(4)
    s, t = perms.tolist()[7], perms.tolist()[18]
    assert perms[table[7, 18]].tolist() == [s[t[x]] for x in range(4)]
    assert table[7, 18] != table[18, 7]


@pytest.mark.parametrize("n", NS)
def test_irreps_are_orthogonal_homomorphisms(n):
    table = groups.compose_table(n)
    for irrep in groups.irreps(n):
        m = irrep.matrices
        eye = torch.eye(m.shape[1], dtype=torch.float64)
        assert (m @ m.mT - eye).abs().max() < 1e-12
        product = torch.einsum("sij,tjk->stik", m, m)
        assert (product - m[table]).abs().max() < 1e-12, irrep.partition


@pytest.mark.parametrize("n", NS)
def test_irreps_are_complete_and_inequivalent(n):
    irreps = groups.irreps(n)
    assert sum(irrep.matrices.shape[1] ** 2 for irrep in irreps) == factorial(n)
    characters = torch.stack([irrep.characters for irrep in irreps])
    gram = characters @ characters.T / factorial(n)
    assert (gram - torch.eye(len(irreps), dtype=torch.float64)).abs().max() < 1e-12


# Character tables from any textbook (e.g. Fulton & Harris, sections 2.1 and 2.3).
KNOWN = {
    3: {
        (3,): {(1, 1, 1): 1, (2, 1): 1, (3,): 1},
        (2, 1): {(1, 1, 1): 2, (2, 1): 0, (3,): -1},
        (1, 1, 1): {(1, 1, 1): 1, (2, 1): -1, (3,): 1},
    },
    4: {
        (4,): {(1, 1, 1, 1): 1, (2, 1, 1): 1, (2, 2): 1, (3, 1): 1, (4,): 1},
        (3, 1): {(1, 1, 1, 1): 3, (2, 1, 1): 1, (2, 2): -1, (3, 1): 0, (4,): -1},
        (2, 2): {(1, 1, 1, 1): 2, (2, 1, 1): 0, (2, 2): 2, (3, 1): -1, (4,): 0},
        (2, 1, 1): {(1, 1, 1, 1): 3, (2, 1, 1): -1, (2, 2): -1, (3, 1): 0, (4,): 1},
        (1, 1, 1, 1): {(1, 1, 1, 1): 1, (2, 1, 1): -1, (2, 2): 1, (3, 1): 1, (4,): -1},
    },
}


@pytest.mark.parametrize("n", KNOWN)
def test_characters_equal_the_textbook_table(n):
    types = [cycle_type(perm) for perm in groups.permutations(n).tolist()]
    assert {irrep.partition for irrep in groups.irreps(n)} == set(KNOWN[n])
    for irrep in groups.irreps(n):
        wanted = [KNOWN[n][irrep.partition][kind] for kind in types]
        assert (irrep.characters - torch.tensor(wanted)).abs().max() < 1e-12, irrep.partition


@pytest.mark.parametrize("p", [2, 3, 5, 7, 97, 113])
def test_powers_of_the_primitive_root_are_all_units(p):
    powers = groups.discrete_log(p)
    assert sorted(powers.tolist()) == list(range(1, p))
    assert powers[0] == 1
    g = groups.primitive_root(p)
    assert powers.tolist() == [pow(g, k, p) for k in range(p - 1)]


def test_known_primitive_roots():
    assert [groups.primitive_root(p) for p in (3, 7, 23, 41, 97)] == [2, 3, 5, 6, 5]


def test_errors_teach():
    with pytest.raises(ValueError, match="modulus: got 12; allowed: a prime"):
        groups.primitive_root(12)
    with pytest.raises(ValueError, match="size: got 6; allowed: a whole number from 1 to 5"):
        groups.irreps(6)
