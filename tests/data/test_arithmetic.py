import math

import pytest
import torch

from labkit.data import groups
from labkit.data.arithmetic import TASKS, corrupt, pairs, split

P = 13


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def loop(task, a, b, size):
    """Answers by plain Python."""
    if task == "permutations":
        perms = [tuple(row) for row in groups.permutations(size).tolist()]
        return perms.index(tuple(perms[a][perms[b][x]] for x in range(size)))
    formulas = {
        "a+b": lambda: a + b,
        "a-b": lambda: a - b,
        "a*b": lambda: a * b,
        "a/b": lambda: a * pow(b, -1, size),
        "a^2+b^2": lambda: a**2 + b**2,
        "a^2+ab+b^2": lambda: a**2 + a * b + b**2,
        "a^3+ab": lambda: a**3 + a * b,
    }
    return formulas[task]() % size


@pytest.mark.parametrize("task", TASKS)
def test_answers_equal_a_plain_loop_and_stay_in_range(task):
    size = 4 if task == "permutations" else P
    table = pairs(task, size)
    assert table.tokens == (24 if task == "permutations" else P)
    assert table.answer.dtype == torch.int64
    assert 0 <= table.answer.min() and table.answer.max() < table.tokens
    wanted = [loop(task, a, b, size) for a, b in zip(table.a.tolist(), table.b.tolist(), strict=True)]
    assert table.answer.tolist() == wanted


@pytest.mark.parametrize("task", TASKS)
def test_the_table_is_whole_and_ordered_by_a_then_b(task):
    table = pairs(task, 3 if task == "permutations" else P)
    n = table.tokens
    wanted = [(a, b) for a in range(n) for b in range(n) if task != "a/b" or b]
    assert list(zip(table.a.tolist(), table.b.tolist(), strict=True)) == wanted


@pytest.mark.parametrize("task", [name for name, row in TASKS.items() if row.inverse])
def test_inverse_pairs_undo_each_other(task):
    table = pairs(task, P)
    usable = table.b != 0 if "a*b" in (task, TASKS[task].inverse) else torch.ones_like(table.b, dtype=bool)
    back = TASKS[TASKS[task].inverse].function(table.answer, table.b, P)
    assert torch.equal(back[usable], table.a[usable])
    assert TASKS[TASKS[task].inverse].inverse == task


def test_bases_name_a_known_one():
    assert {row.basis for row in TASKS.values()} == {"additive", "multiplicative", "permutations", None}


def test_errors_teach():
    with pytest.raises(ValueError, match="task: got 'a\\+c'; allowed: .*Did you mean 'a\\+b'"):
        pairs("a+c", P)
    with pytest.raises(ValueError, match="modulus: got 12; allowed: a prime.*'a/b'"):
        pairs("a/b", 12)
    with pytest.raises(ValueError, match="modulus: got 1; allowed: a whole number from 2"):
        pairs("a+b", 1)
    with pytest.raises(ValueError, match="size: got 6; allowed: a whole number from 2 to 5"):
        pairs("permutations", 6)
    assert pairs("a+b", 12).tokens == 12  # a ring is enough where nothing is divided


def test_split_is_a_sorted_seeded_partition():
    train, test = split(100, 0.3, generator=seeded())
    assert len(train) == 30
    assert torch.equal(train, train.sort().values) and torch.equal(test, test.sort().values)
    assert sorted(train.tolist() + test.tolist()) == list(range(100))
    assert torch.equal(train, split(100, 0.3, generator=seeded())[0])
    assert not torch.equal(train, split(100, 0.3, generator=seeded(1))[0])
    assert set(train.tolist()) < set(split(100, 0.6, generator=seeded())[0].tolist())


@pytest.mark.parametrize("fraction", [0.0, 0.001, 1.0])
def test_split_refuses_an_empty_part(fraction):
    with pytest.raises(ValueError, match=f"train_fraction: got {fraction:g}, which leaves"):
        split(100, fraction, generator=seeded())


def test_split_refuses_a_fraction_above_one():
    with pytest.raises(ValueError, match="train_fraction: got 1.5; allowed: a finite number from 0 to 1"):
        split(100, 1.5, generator=seeded())


def test_corruption_has_the_asked_size_and_is_nested():
    tokens, rows = 97, 10_000
    answer = torch.arange(rows) % tokens
    before = answer.clone()
    noisy = {noise: corrupt(answer, noise, tokens, generator=seeded()) for noise in (0, 0.2, 0.5, 1)}
    assert torch.equal(answer, before)
    assert torch.equal(noisy[0], answer)
    changed = {noise: noisy[noise] != answer for noise in noisy}
    for noise in (0.2, 0.5, 1):
        # int(noise * rows) rows are drawn anew, of which 1 / tokens by chance keep their answer
        drawn = noise * rows
        assert abs(changed[noise].sum() - drawn * (1 - 1 / tokens)) < 4 * math.sqrt(drawn / tokens)
        assert noisy[noise].min() >= 0 and noisy[noise].max() < tokens
    assert torch.equal(noisy[0.5][changed[0.2]], noisy[0.2][changed[0.2]])
    assert not (changed[0.2] & ~changed[0.5]).any()
    # uniform, not one wrong answer for all
    assert (torch.bincount(noisy[1], minlength=tokens) > 50).all()


def test_corruption_refuses_noise_above_one():
    with pytest.raises(ValueError, match="label_noise: got 1.1; allowed: a finite number from 0 to 1"):
        corrupt(torch.zeros(3, dtype=int), 1.1, 5, generator=seeded())
