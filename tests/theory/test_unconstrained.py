"""Free features: closed forms against descent, root finding in mpmath, and an integrated flow."""

import mpmath
import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from labkit.theory import unconstrained as theory

COUNTS = [200, 100, 50, 50]
#: depth -> s, ‖w‖² ratios, ‖h‖² ratios, logits, λ of both thresholds for n = 50
TABLE = {
    1: ([3.7339, 3.1305, 2.6213], [1, 0.7029, 0.4928], [1, 1.4058, 1.9713], [0.9859, 0.9800, 0.9717],
        0.01768, 0.01768),
    3: ([1.9374, 1.7755, 1.6263], [1, 0.5923, 0.3499], [1, 1.6796, 2.8186], [0.9962, 0.9937, 0.9893],
        0.01279, 0.01809),
}  # fmt: skip


def loss_of(flat, counts, depth, lambda_w, lambda_h):
    """The loss and its gradient by every matrix, one feature vector a class, d = K: slow and plain."""
    n, classes = np.array(counts, dtype=float), len(counts)
    *weights, h = flat.reshape(depth + 1, classes, classes)
    inputs = [h]
    for w in weights:
        inputs.append(w @ inputs[-1])
    wrong, share = inputs.pop() - np.eye(classes), n / n.sum()
    loss = (share * np.square(wrong).sum(0)).sum() / 2 + lambda_h / 2 * (n * np.square(h).sum(0)).sum()
    by, gradients = share * wrong, []
    for w, x in zip(reversed(weights), reversed(inputs), strict=True):
        loss += lambda_w / 2 * np.square(w).sum()
        gradients.append(by @ x.T + lambda_w * w)
        by = w.T @ by
    gradients = [*reversed(gradients), by + lambda_h * n * h]
    return loss, np.concatenate([each.ravel() for each in gradients])


def descended(counts, depth, lambda_w, lambda_h, seed):
    """The loss that L-BFGS comes to, from a random start of one of four sizes."""
    start = (0.3, 0.6, 1.0, 1.5)[seed % 4] * np.random.default_rng(seed).standard_normal(
        (depth + 1) * len(counts) ** 2
    )
    found = minimize(
        loss_of, start, (counts, depth, lambda_w, lambda_h), jac=True, method="L-BFGS-B",
        options={"maxiter": 1500, "ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    return found.fun


@pytest.mark.parametrize("depth", TABLE)
def test_the_published_numbers(depth):
    found = theory.imbalanced_linear(COUNTS, depth)
    columns = found.s, found.w_ratio, found.h_ratio, found.logit
    for values, wanted in zip(columns, TABLE[depth], strict=False):
        np.testing.assert_allclose(values[:3], wanted, rtol=1e-4)
    np.testing.assert_allclose([found.collapse[2], found.vanish[2]], TABLE[depth][4:], rtol=5e-4)


@pytest.mark.parametrize(
    ("counts", "depth", "pulls", "zero"),
    [
        ([30, 12, 1], 1, (3e-3, 8e-4), [0, 0, 0]),
        ([147, 202, 136, 275, 285], 1, (2.2e-2, 1.05e-2), [1, 1, 1, 0, 0]),
        ([35, 294, 224], 2, (1.77e-2, 1.46e-2), [1, 0, 0]),
        ([25, 66], 2, (0.112, 1.99e-2), [1, 0]),
        ([226, 285, 11], 3, (2.71e-2, 6.43e-2), [1, 0, 1]),
        ([299, 85, 141], 4, (2.56e-2, 6.29e-3), [0, 1, 0]),
    ],
)
def test_descent_finds_no_less_than_the_minimum_and_reaches_it(counts, depth, pulls, zero):
    known = theory.imbalanced_linear(counts, depth, *pulls)
    assert known.zero.tolist() == [bool(each) for each in zero]
    # one layer has no minimum besides the best
    best = min(descended(counts, depth, *pulls, seed) for seed in range(2 if depth == 1 else 8))
    assert best == pytest.approx(known.loss, rel=1e-6)


def test_a_class_costs_what_the_scalar_problem_costs_at_its_best():
    counts, depth, pulls = [7, 3], 5, (2e-2, 1e-2)
    found, total = theory.imbalanced_linear(counts, depth, *pulls), 10
    s, h = np.meshgrid(np.linspace(0, 2, 1201), np.linspace(0, 2, 1201))
    for k, n in enumerate(counts):
        loss = n / (2 * total) * (s**depth * h - 1) ** 2 + pulls[0] / 2 * depth * s**2
        loss += pulls[1] / 2 * n * h**2
        assert loss.min() * 2 * total / n == pytest.approx(found.cost[k], rel=2e-5)
        at = np.unravel_index(loss.argmin(), loss.shape)
        assert s[at] == pytest.approx(found.s[k], abs=3e-3)
        assert h[at] ** 2 == pytest.approx(found.h_norm2[k], abs=6e-3)


@pytest.mark.parametrize("depth", [1, 2, 3, 7])
def test_thresholds_are_where_the_branches_change(depth):
    collapse, vanish = theory.thresholds(COUNTS, depth)
    for k in range(4):
        for edge, branch in ((collapse, "global"), (vanish, "nonzero")):
            below = theory.imbalanced_linear(COUNTS, depth, *[edge[k] * 0.9999] * 2, branch=branch)
            above = theory.imbalanced_linear(COUNTS, depth, *[edge[k] * 1.0001] * 2, branch=branch)
            assert below.s[k] > 0 == above.s[k]
            assert (below.logit[k] < 0.01) == (depth == 1), "continuous for one layer alone"
    # with unequal pulls both scale together
    one = theory.imbalanced_linear(COUNTS, depth, 1e-4, 3e-3)
    factor = one.collapse_factor[1]
    assert theory.imbalanced_linear(COUNTS, depth, 1e-4 * factor * 0.999, 3e-3 * factor * 0.999).s[1] > 0
    assert theory.imbalanced_linear(COUNTS, depth, 1e-4 * factor * 1.001, 3e-3 * factor * 1.001).s[1] == 0


def test_hysteresis_of_three_layers_between_the_thresholds():
    pulls = 0.0175, 0.0175
    assert theory.imbalanced_linear(COUNTS, 3, *pulls).logit[3] == 0
    assert theory.imbalanced_linear(COUNTS, 3, *pulls, branch="nonzero").logit[3] == pytest.approx(
        0.4366, abs=1e-4
    )
    assert theory.imbalanced_linear(COUNTS, 1, 0.017, 0.017).logit[3] == pytest.approx(0.0383, abs=1e-4)


@pytest.mark.parametrize("depth", [2, 3, 6, 40])
@pytest.mark.parametrize("share", [0.9999999, 0.5, 1e-8])
def test_the_largest_root_in_fifty_digits(depth, share):
    mpmath.mp.dps = 50
    peak = (mpmath.mpf(depth - 1) / (depth + 1)) ** (mpmath.mpf(1) / depth)
    level = float(theory.pull(float(peak), depth) * share)
    found = theory.largest_root(level, depth)
    assert found > float(peak)

    def left(x):
        return depth * x ** (depth - 1) / (x**depth + 1) ** 2 - mpmath.mpf(level)

    assert (
        left(mpmath.mpf(found) * (1 - mpmath.mpf(1e-6)))
        > 0
        > left(mpmath.mpf(found) * (1 + mpmath.mpf(1e-6)))
    )
    assert theory.largest_root(level / share * 1.0001, depth) == 0


def test_equal_counts_reduce_to_the_balanced_form_and_its_zero_phase():
    for pulls in ((5e-4, 5e-4), (3e-3, 1e-4), (0.02, 0.05)):
        flat, deep = theory.balanced(4, 100, *pulls), theory.imbalanced_linear([100] * 4, 1, *pulls)
        for one, other in ((flat.rho, deep.h_norm2), (flat.w_norm2, deep.w_norm2), (flat.logit, deep.logit)):
            np.testing.assert_allclose(one, other, atol=1e-12)
        assert flat.loss == pytest.approx(deep.loss)
        assert flat.zero == deep.zero.all()
    # ρ and c in the constants of Tirer & Bruna, K λ_W and K n λ_H
    flat = theory.balanced(4, 10, 0.1 / 4, 0.2 / 40)
    assert flat.c == pytest.approx(0.02**0.5)
    assert flat.rho == pytest.approx((1 - 0.02**0.5) * 0.5**0.5)
    assert not theory.balanced(4, 10, 0.99 / 4, 1 / 40).zero
    assert theory.balanced(4, 10, 1.01 / 4, 1 / 40).zero


def test_the_flow_is_the_gradient_of_the_profiled_loss_and_keeps_its_promises():
    rng, pulls = np.random.default_rng(0), (2e-3, 4e-3)
    h = rng.standard_normal((3, 5, 6))
    flow = theory.collapse_flow(h, np.linspace(0, 4, 41), *pulls)
    assert (np.diff(flow.quotient) < 0).all()
    assert (np.diff(flow.within_scaled) < 0).all()
    assert (np.diff(flow.between_scaled) > 0).all()
    # its first step is that of autograd through the minimum over W
    x = torch.tensor(h, requires_grad=True)
    rows, y = x.reshape(15, 6).T, torch.eye(3, dtype=torch.float64).repeat_interleave(5, 0).T
    w = y @ rows.T @ torch.linalg.inv(rows @ rows.T + 15 * pulls[0] * torch.eye(6, dtype=torch.float64))
    np.testing.assert_allclose(theory.best_head(h, pulls[0]), w.detach(), rtol=1e-9)
    loss = (w @ rows - y).square().sum() / 30 + (
        pulls[0] * w.square().sum() + pulls[1] * rows.square().sum()
    ) / 2
    loss.backward()
    early = theory.collapse_flow(h, [0, 1e-6], *pulls)
    np.testing.assert_allclose((early.features[1] - h) / 1e-6, -15 * x.grad, rtol=1e-4, atol=1e-5)


def test_bad_input_names_the_class_or_argument():
    for call, words in (
        (lambda: theory.imbalanced_linear([10]), "counts: got .*two or more classes"),
        (lambda: theory.imbalanced_linear([10, 0, 3]), "counts: got 0 for class 1"),
        (lambda: theory.imbalanced_linear([10, 2], 0), "depth: got 0"),
        (lambda: theory.imbalanced_linear([10, 2], 1, 0.0), "lambda_w: got 0"),
        (lambda: theory.imbalanced_linear([10, 2], branch="zero"), "branch: got 'zero'"),
        (lambda: theory.balanced(1, 5, 0.1, 0.1), "classes: got 1"),
        (lambda: theory.balanced(3, 5, 0.1, -1.0), "lambda_h: got -1"),
        (lambda: theory.collapse_flow(np.full((2, 2, 2), np.nan), [0, 1]), "features: .*not finite"),
        (lambda: theory.collapse_flow(np.ones((1, 2, 2)), [0, 1]), "features: got shape"),
        (lambda: theory.collapse_flow(np.ones((2, 2, 2)), [0, 1]), "features: got one mean"),
        (lambda: theory.collapse_flow(np.eye(4).reshape(2, 2, 4), [1, 0]), "times: .*ascending"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
