import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labkit import measures

f64 = torch.float64


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=f64)


def test_solved_at_known_answers():
    steps = [0, 10, 20, 40]
    assert measures.solved_at(steps, [0.1, 0.989, 0.99, 1.0]) == 20
    assert measures.solved_at(steps, [0.1, 1.0, 0.2, 1.0]) == 10
    assert measures.solved_at(steps, [0.1, 0.5, 0.5, 0.6], threshold=0.5) == 10
    assert measures.solved_at(steps, [0.1, math.nan, 0.3, 0.4]) is None
    assert measures.solved_at([], []) is None
    with pytest.raises(ValueError, match="accuracy: got 1 values; allowed: 2"):
        measures.solved_at([1, 2], [0.5])


def test_delay_ratio():
    assert measures.delay_ratio(14, 190) == pytest.approx(190 / 14)
    assert measures.delay_ratio(None, 190) is None
    assert measures.delay_ratio(14, None) is None
    assert measures.delay_ratio(0, 5) is None


def test_weight_norm():
    U, V = normal(5, 3), normal(2, 7, seed=1)
    expected = float(torch.cat([U.flatten(), V.flatten()]).norm())
    for weights in ([U, V], {"U": U, "V": V}, (w for w in (U, V))):
        assert measures.weight_norm(weights) == pytest.approx(expected)
    assert measures.weight_norm(torch.tensor([3.0, 4.0])) == pytest.approx(5)
    # a float32 sum of 1e7 squares would lose digits
    assert measures.weight_norm(torch.full((10_000_000,), 0.1)) == pytest.approx(
        0.1 * 10_000_000**0.5, rel=1e-7
    )


def test_logit_margin():
    logits = torch.tensor([[1.0, 4.0, 2.0], [5.0, 1.0, -1.0], [2.0, 2.0, 0.0]])
    assert measures.logit_margin(logits, torch.tensor([1, 2, 0])).tolist() == [2, -6, 0]
    random, answer = normal(50, 7), torch.arange(50) % 7
    right = random.argmax(1) == answer
    assert torch.equal(measures.logit_margin(random, answer) > 0, right) and right.any()
    with pytest.raises(ValueError, match="logits: got 1 output; allowed: 2 or more"):
        measures.logit_margin(torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_collapsed_rows_have_no_loss_and_no_gradient_at_the_right_logit(dtype):
    """Against autograd's own cross-entropy, row by row."""
    margins = torch.linspace(0, 60, 241, dtype=dtype)
    for margin in margins:
        logits = torch.zeros(1, 97, dtype=dtype)
        logits[0, 5] = margin
        logits.requires_grad_()
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([5]))
        loss.backward()
        collapsed = measures.softmax_collapse(logits, torch.tensor([5])) == 1
        edge = -math.log(torch.finfo(dtype).eps) + math.log(96)
        if abs(float(margin) - edge) > 1.5:  # at the edge the order of the sum decides
            assert collapsed == (float(margin) > edge)
            assert collapsed == (float(logits.grad[0, 5]) == 0) == (float(loss.detach()) == 0)


def test_softmax_collapse_counts_rows(as_users_see_it):
    answer = torch.tensor([0, 0, 0, 0])
    logits = torch.tensor([[40.0, 0, 0], [2.0, 0, 0], [0.0, 40, 0], [1000.0, 0, 0]])
    assert measures.softmax_collapse(logits, answer) == 0.5
    assert measures.softmax_collapse(torch.tensor([[30.0, 0.0]], dtype=f64), answer[:1]) == 0.0
    assert measures.softmax_collapse(torch.tensor([[30.0, 0.0]]), answer[:1]) == 1.0
    with pytest.raises(ValueError, match=r"answer: got shape \(4,\); allowed: \(3\)"):
        measures.softmax_collapse(logits[:3], answer)


def test_nlm_cosine_known_answers():
    w = normal(5, 3)
    assert measures.nlm_cosine(-2 * w, w) == pytest.approx(1)
    assert measures.nlm_cosine({"a": w}, {"a": w}) == pytest.approx(-1)
    assert measures.nlm_cosine([torch.tensor([1.0, 0.0])], [torch.tensor([0.0, 1.0])]) == 0
    assert measures.nlm_cosine(torch.zeros(3), torch.ones(3)) == 0


def test_nlm_cosine_of_a_homogeneous_network_is_the_growth_of_its_logits():
    """For logits homogeneous of degree 1 in w, <-grad, w> = -d loss / d log(scale): Euler's theorem."""
    w = normal(4, 3).requires_grad_()
    x, y = normal(20, 4, seed=1), torch.arange(20) % 3
    loss = torch.nn.functional.cross_entropy(x @ w, y)
    (gradient,) = torch.autograd.grad(loss, w)
    scale = torch.ones((), dtype=f64, requires_grad=True)
    (growth,) = torch.autograd.grad(torch.nn.functional.cross_entropy(scale * (x @ w.detach()), y), scale)
    expected = -float(growth / gradient.norm() / w.detach().norm())
    assert measures.nlm_cosine(gradient, w) == pytest.approx(expected)


@given(seed=st.integers(0, 1000), left=st.floats(1e-3, 1e3), right=st.floats(1e-3, 1e3))
def test_nlm_cosine_is_a_cosine(seed, left, right):
    g, w = normal(6, seed=seed), normal(6, seed=seed + 1)
    value = measures.nlm_cosine(g, w)
    assert -1 <= value <= 1 and measures.nlm_cosine(left * g, right * w) == pytest.approx(value)


def test_nlm_cosine_matches_names_and_shapes():
    a, b = normal(2), normal(3)
    assert measures.nlm_cosine({"b": b, "a": a}, {"a": -a, "b": -b}) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"gradient: got \['a'\]; allowed: the names of weights, \['b'\]"):
        measures.nlm_cosine({"a": a}, {"b": b})
    with pytest.raises(ValueError, match=r"gradient: got shapes \[\(2,\)\]; allowed: .*\[\(3,\)\]"):
        measures.nlm_cosine([a], [b])
