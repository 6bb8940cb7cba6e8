"""Two points in random networks: against the theory package, networks with real weights, and closed forms."""

import math

import numpy as np
import pytest
import torch

from labkit import gauss, runtime
from labkit.experiments import journeys, layer_maps, plane, propagation
from labkit.experiments.propagation import Config
from labkit.measures.propagation import propagate
from labkit.nn.activations import ELEMENTWISE, get
from labkit.nn.dense import DenseNets
from labkit.theory import meanfield

SMOOTH = ("tanh", "erf", "gelu", "sin", "silu", "softplus")
KINKED = ("relu", "leaky_relu", "hard_tanh", "abs", "elu")


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
def test_the_series_is_the_expectation(name):
    phi, c = get(name), torch.tensor([-0.8, 0.0, 0.5, 0.9, 1.0], dtype=torch.float64)
    for q in (0.3, 2.0):
        exact = gauss.pair_expectation(phi.function, phi.function, q, c, breaks=phi.breaks).value
        squares, powers = layer_maps.series(name, torch.tensor([q]))
        found = squares[:, 0] @ c ** powers[:, None]
        np.testing.assert_allclose(found, exact, atol=1e-9 if name in SMOOTH else 1e-4)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_table_gives_the_length_map(name):
    config, q = Config(activation=name, sigma_w=1.3), np.array([0.05, 0.7, 3.0, 9.0])
    exact = meanfield.length_map(name, q, 1.3, 0.2)
    np.testing.assert_allclose(propagation.table(name).length(q, config), exact, rtol=1e-5)


@pytest.mark.parametrize("name", ["sign", "siren", "soft_clip", "gelu", "abs", "hard_tanh", "hard_shrink"])
def test_pages_show_the_correlation_map(name):
    """Of a jump, a wave and a sharp bend too; and 1 - c of the same."""
    c = np.array([-1.0, -0.3, 0.5, 0.9, 0.99])
    for q in (0.3, 3.0):
        exact = meanfield.correlation_map(name, c, q, 1.0, 0.0).numpy() * q
        of = layer_maps.table(name)
        np.testing.assert_allclose(of.mean(q, c), exact, atol=1e-4 * float(of.square(np.array([q]))[0]))
        lost = [of.loss(q)(1 - one) for one in c[1:]]
        np.testing.assert_allclose(lost, 1 - exact[1:] / of.square(np.array([q])), atol=1e-4)


def test_the_settled_length_is_the_fixed_point():
    for name in ("tanh", "gelu", "relu"):
        config = Config(activation=name, sigma_w=1.2, length=1.0)
        exact = float(meanfield.length_fixed_point(name, 1.2, 0.2))
        assert propagation.settled(config) == pytest.approx(exact, rel=1e-6)
    assert propagation.settled(Config(activation="relu", sigma_w=1.6)) == math.inf


def test_correlations_end_at_the_stable_one():
    for sigma_w in (0.9, 1.8, 3.0):
        end = propagation.infinite(Config(sigma_w=sigma_w, depth=100)).correlation[-1]
        assert end == pytest.approx(float(meanfield.depth_scales("tanh", sigma_w, 0.2).c_star), abs=1e-4)


def test_a_drawn_network_has_the_law_of_one_with_weights():
    """Mean and deviation over networks of length and correlation in layer 6, width 32."""
    config, count = Config(width=32, depth=6, length=1.5, correlation=0.4), 400
    nets = DenseNets(
        (32, *[32] * 6),
        generators=[runtime.generator(seed, 9) for seed in range(count)],
        sigma_w=config.sigma_w,
        sigma_b=config.sigma_b,
        bias=True,
        dtype=torch.float64,
    )
    # inputs whose first pre-activations have the asked covariance
    gram = (config.length * torch.tensor([[1.0, 0.4], [0.4, 1.0]]) - config.sigma_b**2) / config.sigma_w**2
    x = torch.zeros(2, 32, dtype=torch.float64)
    x[:, :2] = torch.linalg.cholesky(gram.double()) * math.sqrt(32)
    with torch.no_grad():
        real = propagate(nets.layers_of(x))
    drawn = []
    for draw in range(100):
        for z in propagation.layers(
            config.replace(draw=draw),
            config.length * torch.tensor([[1.0, 0.4], [0.4, 1.0]], dtype=torch.float64),
        ):
            last = z
        drawn.append(
            (float(last[0].square().mean()), float(torch.cosine_similarity(last[0], last[1], dim=0)))
        )
    drawn = np.array(drawn)
    theirs = np.stack([real.length[5, :, 0], real.correlation[5, :, 0]], 1)
    error = np.sqrt(drawn.var(0) / 100 + theirs.var(0) / count)
    assert (np.abs(drawn.mean(0) - theirs.mean(0)) < 4 * error).all()
    np.testing.assert_allclose(drawn.std(0), theirs.std(0), rtol=0.3)


def test_another_draw_is_another_network_and_the_same_draw_the_same():
    one, same = (propagation.finite(Config()).correlation for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert (one != propagation.finite(Config(draw=1)).correlation).all()


def test_stairs_turn_at_every_value():
    x, y = journeys.stairs(np.array([3.0, 2.0, 1.0]))
    np.testing.assert_array_equal(x, [3, 3, 2, 2, 1])
    np.testing.assert_array_equal(y, [3, 2, 2, 1, 1])


def test_the_critical_line_is_the_edge_and_the_map_can_be_clicked():
    picture = propagation.diagram(Config(sigma_w=2.5))
    line, here = picture.lines
    for sigma_b in (0.1, 0.5, 1.0):
        assert np.interp(sigma_b, line.y, line.x) == pytest.approx(
            meanfield.edge_of_chaos("tanh", sigma_b).sigma_w, abs=0.01
        )
    assert (picture.sets, here.x[0], here.y[0]) == (("sigma_w", "sigma_b"), 2.5, 0.2)
    assert picture.values.shape == (plane.SIDE, plane.SIDE)


def test_a_new_diagram_is_filled_from_coarse_to_fine_and_a_known_one_is_there_at_once():
    config = Config(activation="erf")
    plane._known.clear()
    coarse, fine = propagation.filling_plane(config)
    one, whole = coarse[0], fine[0]
    assert one.values.shape == (16, 16) and whole.values.shape == (61, 61) and coarse[1:] == fine[1:]
    assert one.x[-1] == whole.x[-1] and one.y[-1] == whole.y[-1]  # the same corners
    # the same values; near the line a difference of 1e-9 in c* is seen
    np.testing.assert_allclose(one.values, whole.values[::4, ::4], atol=1e-3, equal_nan=True)
    assert len(list(propagation.filling_plane(config.replace(sigma_w=1.0)))) == 1


def test_gradients_follow_chi():
    for sigma_w in (1.0, 2.5):
        net, theory = propagation.gradients(Config(sigma_w=sigma_w, depth=30, width=256)).lines
        assert np.log(net.y[0]) == pytest.approx(np.log(theory.y[0]), rel=0.3)


def test_a_circle_becomes_a_point_or_leaves_its_plane():
    last = {w: propagation.circle(Config(sigma_w=w, width=500))[-1] for w in (0.6, 3.5)}
    assert max(last[0.6].lim) < 0.05 and max(last[3.5].lim) > 0.3
    assert (
        int(last[3.5].title.split(":")[1].split("%")[0])
        < 50
        < int(last[0.6].title.split(":")[1].split("%")[0])
    )


NOTHING, LITTLE = {"sigma_w": 0.0, "sigma_b": 0.0}, {"width": 4}


@pytest.mark.parametrize(
    ("name", "extreme"),
    [(name, {"sigma_w": 4.0}) for name in ELEMENTWISE]
    + [(name, less) for name in ("tanh", "relu", "gelu", "gcu", "hermite") for less in (NOTHING, LITTLE)],
)
def test_every_activation_is_drawn_at_the_ends_of_the_sliders(name, extreme):
    for picture in (*propagation.fall(Config(activation=name, **extreme)),):
        assert picture.title
    assert propagation.gradients(Config(activation=name, **extreme)).lines


def test_of_a_jump_the_pages_say_that_it_has_no_slope():
    sign = Config(activation="sign")
    diagram = propagation.diagram(sign)
    assert np.isnan(diagram.values).all() and "jumps" in diagram.title
    assert "jumps" in propagation.gradients(sign).title
    assert "jumps" in propagation.descent(sign).note


def test_gaps_follow_their_asymptotes():
    layer = np.arange(1, 1001)
    relu = propagation.gaps("relu", math.sqrt(2), 0.0, 1.0, 0.0, 1000) * layer**2 / (4.5 * math.pi**2)
    np.testing.assert_allclose(relu[[9, 19, 49, 99, 999]], [0.327, 0.500, 0.707, 0.820, 0.973], atol=1e-3)
    for name in ("tanh", "erf"):
        at = propagation.edge(name, 0.2)
        gap = propagation.gaps(name, at.sigma_w, 0.2, at.q_star, 0.0, 1000)
        assert gap[999] * 1000 == pytest.approx(float(meanfield.rate(name, at.q_star)), rel=0.03)


def test_narrow_networks_follow_the_law_of_finite_width_which_infinite_width_misses():
    mean, infinite, law = (line.y for line in propagation.narrow(128, nets=1000).lines)
    assert np.abs(mean - law).max() < 0.25 and infinite[-1] - mean[-1] > 1


def test_no_edge_says_why():
    picture = propagation.descent(Config(activation="softplus"))
    assert not picture.lines and "no edge of chaos" in picture.note
