"""Collapse: streamed against naive formulas, frames whose answers are known, a meter in a plain loop."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from labkit.measures import collapse
from labkit.measures.collapse import ClassMoments, CollapseMeter, class_moments
from tests.memory import Peak

C, D = 4, 7


def drawn(rows=240, width=D, classes=C, seed=0, shift=0.0, spread=0.3):
    """Features with unequal classes, float64, and their labels."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.arange(classes), torch.randint(0, classes, (rows - classes,), generator=g)])
    labels = torch.where(labels == classes - 1, labels * (torch.arange(rows) % 2 == 1), labels)
    labels[classes - 1] = classes - 1
    means = torch.randn(classes, width, generator=g, dtype=torch.float64)
    noise = torch.randn(rows, width, generator=g, dtype=torch.float64)
    return means[labels] + spread * noise + shift, labels


def naive(h, labels, weight, bias):
    """Every measure straight from its formula, in numpy."""
    h, labels, w, b = h.double().numpy(), labels.numpy(), weight.double().numpy(), bias.double().numpy()
    classes, n = labels.max() + 1, len(h)
    mu = np.array([h[labels == c].mean(0) for c in range(classes)])
    centre = mu.mean(0)
    m = mu - centre
    sw = sum(np.outer(x - mu[c], x - mu[c]) for x, c in zip(h, labels, strict=True)) / n
    sb = m.T @ m / classes
    var = [np.square(h[labels == c] - mu[c]).sum(1).mean() for c in range(classes)]
    pairs = [(i, j) for i in range(classes) for j in range(classes) if i != j]
    etf = (np.eye(classes) - 1 / classes) / math.sqrt(classes - 1)
    nc1 = np.trace(sw @ np.linalg.pinv(sb, rcond=1e-9))

    def norms(a):
        length = np.linalg.norm(a, axis=1)
        return length.std() / length.mean()

    def angles(a):
        cos = [a[i] @ a[j] / np.linalg.norm(a[i]) / np.linalg.norm(a[j]) for i, j in pairs]
        return np.mean([abs(one + 1 / (classes - 1)) for one in cos])

    def away(gram):
        return np.linalg.norm(gram / np.linalg.norm(gram) - etf)

    return {
        "nc1_pinv": nc1 / classes,
        "nc1_without_c": nc1,
        "nc1_quotient": np.trace(sw) / np.trace(sb),
        "cdnv": np.mean([(var[i] + var[j]) / 2 / np.square(mu[i] - mu[j]).sum() for i, j in pairs]),
        "equinorm_means": norms(m), "equinorm_weights": norms(w),
        "equiangular_means": angles(m), "equiangular_weights": angles(w),
        "etf_means": away(m @ m.T), "etf_weights": away(w @ w.T),
        "self_duality": np.linalg.norm(w / np.linalg.norm(w) - m / np.linalg.norm(m)) ** 2,
        "self_duality_product": away(w @ m.T),
        "bias_check": np.linalg.norm(w @ centre + b),
    }  # fmt: skip


def head(classes=C, width=D, seed=5):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(classes, width, generator=g).double(), torch.randn(classes, generator=g).double()


@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_streaming_is_the_naive_formula(shift):
    h, labels = drawn(shift=shift)
    weight, bias = head()
    moments, other = ClassMoments(C, D), ClassMoments(C, D)
    order = torch.argsort(labels)  # the hard case: batches of one class, empty ones among them
    for some in order[:120].split(17):
        moments.add(h[some], labels[some])
    for some in order[120:].split(1):
        other.add(h[some], labels[some])
    moments.add(h[:0], labels[:0]).merge(other)
    wanted = naive(h - shift, labels, weight, bias + weight.sum(1) * shift)
    for name, value in collapse.collapse_measures(moments, weight, bias).items():
        assert value == pytest.approx(wanted[name], rel=1e-6), name


def test_arrays_are_read_like_tensors():
    h, labels = drawn()
    weight, bias = head()
    moments, plain = class_moments(h, labels), class_moments(h.numpy(), labels.numpy())
    found = collapse.collapse_measures(plain, weight.numpy(), bias.numpy())
    assert found == collapse.collapse_measures(moments, weight, bias)
    assert collapse.mse_split(plain, weight.numpy(), bias.numpy()) == collapse.mse_split(
        moments, weight, bias
    )
    arrays = h.numpy(), (h @ weight.T).numpy(), moments.means.numpy()
    by_tensors = collapse.nearest_mean_disagreement(h, h @ weight.T, moments.means)
    assert collapse.nearest_mean_disagreement(*arrays) == by_tensors
    layers = collapse.layer_measures({"a": h.numpy()}, labels.numpy())
    assert layers == collapse.layer_measures({"a": h}, labels)


def test_large_means_in_float32_lose_nothing_that_the_numbers_still_have():
    h, labels = drawn(shift=3e4)
    h = h.float()
    found = collapse.nc1_pinv(class_moments(h, labels))
    wanted = naive(h.double() - 3e4, labels, *head())["nc1_pinv"]
    assert found == pytest.approx(wanted, rel=1e-6)
    # what E[hhᵀ] - μμᵀ in the features' own format comes to
    poor = (h.square().mean(0) - h.mean(0).square()).sum()
    assert abs(float(poor) / float(h.double().var(0, correction=0).sum()) - 1) > 0.01


def test_the_two_centres_differ_when_classes_do():
    h, labels = drawn()
    moments = class_moments(h, labels)
    torch.testing.assert_close(moments.centre("samples"), h.mean(0))
    plain = torch.stack([h[labels == c].mean(0) for c in range(C)]).mean(0)
    torch.testing.assert_close(moments.centre(), plain)
    assert collapse.nc1_quotient(moments, "samples") != pytest.approx(
        collapse.nc1_quotient(moments), rel=1e-3
    )


def etf(classes, width, seed=0):
    g = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(width, width, generator=g).double())[0]
    return (torch.eye(classes).double() - 1 / classes) @ turn[:classes]


def test_a_collapsed_network_reads_zero_everywhere():
    means = 3 * etf(5, 8)
    labels = torch.arange(5).repeat(6)
    moments = class_moments(means[labels] + 1.7, labels)
    weight = 0.2 * means
    found = collapse.collapse_measures(moments, weight, -weight @ torch.full((8,), 1.7).double())
    for name, value in found.items():
        assert value == pytest.approx(0, abs=1e-7), name
    assert collapse.frame_distance(means, torch.eye(5) - 0.2) == pytest.approx(0, abs=1e-12)
    # the notebook's standard deviation divides by C - 1
    rows = torch.tensor([[3.0, 0.0], [0.0, 4.0], [5.0, 0.0]])
    assert collapse.equinorm(rows) == pytest.approx((2 / 3) ** 0.5 / 4)
    assert collapse.equinorm(rows, unbiased=True) == pytest.approx(1 / 4)


def test_frames_of_imbalanced_classes():
    norms = torch.tensor([4.0, 2.0, 1.0]).double()
    turn = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(0)).double())[0][:3]
    rows = norms.sqrt()[:, None] * turn
    assert collapse.frame_distance(rows, norms) == pytest.approx(0, abs=1e-12)
    assert collapse.frame_distance(rows, torch.ones(3)) == pytest.approx(
        float((torch.diag(norms / norms.norm()) - torch.eye(3) / 3**0.5).norm())
    )
    np.testing.assert_allclose(collapse.frame_of_counts([16, 4, 1]), norms)
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, math.sqrt(3)]])
    assert collapse.minority_cosine(weight, [1, 2]) == pytest.approx(0.5**0.5)
    assert collapse.minority_angle(weight, [1, 2, 3]) == pytest.approx((45 + 30 + 15) / 3)
    assert collapse.minority_angle(torch.tensor([[1.0, 0.0], [1.0, 1e-7]]), [0, 1]) == pytest.approx(
        math.degrees(1e-7), rel=1e-6
    )


def test_nearest_mean_by_plain_distances():
    h, labels = drawn(shift=1e4)
    means = class_moments(h, labels).means
    logits = torch.randn(len(h), C, generator=torch.Generator().manual_seed(1))
    wanted = [int(np.argmin([np.linalg.norm(x - m) for m in means.numpy()])) for x in h.numpy()]
    assert collapse.nearest_mean(h, means).tolist() == wanted
    share = np.mean(np.array(wanted) != logits.argmax(1).numpy())
    assert collapse.nearest_mean_disagreement(h, logits, means) == pytest.approx(share)


@pytest.mark.parametrize("with_bias", [False, True])
def test_the_parts_of_the_mse_add_up_and_vanish_at_the_best_head(with_bias):
    h, labels = drawn()
    weight, bias = head()
    bias = bias if with_bias else None
    moments, decay, y = class_moments(h, labels), 0.03, F.one_hot(labels, C).double()
    split = collapse.mse_split(moments, weight, bias, decay)
    outputs = h @ weight.T + (bias if with_bias else 0)
    penalty = weight.square().sum() + (bias.square().sum() if with_bias else 0)
    assert split.total == pytest.approx(float((outputs - y).square().sum(1).mean() / 2 + decay / 2 * penalty))
    assert min(split.nc1, split.nc23, split.perp) > 0
    x = torch.cat([h, torch.ones(len(h), 1)], 1) if with_bias else h
    ridge = x.T @ x / len(x) + decay * torch.eye(x.shape[1])
    best = torch.linalg.solve(ridge, x.T @ y / len(x)).T
    at_best = collapse.mse_split(moments, best[:, :D], best[:, D] if with_bias else None, decay)
    assert at_best.perp == pytest.approx(0, abs=1e-12)
    assert at_best.nc1 == pytest.approx(split.nc1)
    # class means only: nothing varies within them
    flat = collapse.mse_split(class_moments(moments.means[labels], labels), weight, bias)
    assert flat.nc1 == pytest.approx(0, abs=1e-12)


def test_one_sample_classes_and_few_dimensions_have_values_and_missing_targets_names():
    h, labels = drawn(rows=40, width=2, classes=6)
    alone = labels != 2
    alone[2] = True  # class 2 keeps one sample
    moments = class_moments(h[alone], labels[alone])
    assert moments.variances[2] == 0
    assert all(math.isfinite(value) for value in collapse.collapse_measures(moments, *head(6, 2)).values())
    assert "no simplex ETF" in collapse.missing_target(6, 2)
    assert "no general orthogonal frame" in collapse.missing_target(6, 5)
    assert "ETF" not in collapse.missing_target(6, 5)
    assert collapse.missing_target(6, 6) == ""


def test_degenerate_means():
    # two of four means agree: Σ_B has rank 2, and variation in the lost direction does not count
    means = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 1, 0]]).double()
    labels = torch.arange(4).repeat(2)
    noise = torch.tensor([[0, 0, 1.0]]).double() * torch.tensor([1.0] * 4 + [-1.0] * 4)[:, None]
    assert collapse.nc1_pinv(class_moments(means[labels] + noise, labels)) == pytest.approx(0, abs=1e-12)
    same = class_moments(torch.full((8, 3), 0.1).double() + noise, labels)
    assert collapse.nc1_pinv(same) == math.inf == collapse.nc1_quotient(same)
    assert math.isnan(collapse.nc1_pinv(class_moments(torch.full((8, 3), 0.3), labels)))


def test_memory_does_not_grow_with_the_number_of_samples():
    g, classes, width = torch.Generator().manual_seed(0), 10, 32

    def peak(rows):
        with Peak() as memory:
            through(rows)
        return memory.most

    def batch():
        labels = torch.randint(0, classes, (10_000,), generator=g)
        return torch.randn(10_000, width, generator=g) + labels[:, None], labels

    some = [batch() for _ in range(4)]

    def through(rows):
        moments = ClassMoments(classes, width)
        for number in range(rows // 10_000):
            moments.add(*some[number % 4])
        return moments

    assert peak(1_000_000) == peak(40_000) < 20e6
    many = through(80_000)
    assert float(many.variances.mean()) == pytest.approx(width, rel=0.01)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        g = torch.Generator().manual_seed(0)
        self.body = nn.Sequential(nn.Linear(D, 9), nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 8), nn.Tanh())
        self.head = nn.Linear(8, C)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=g) / 3)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.fixture(scope="module")
def net_and_batches():
    with torch.random.fork_rng():
        net = Net()
    h, labels = drawn()
    return net, [(h[some].float(), labels[some]) for some in torch.arange(len(h)).split(50)]


def test_the_meter_reads_a_plain_model_in_two_lines(net_and_batches):
    net, batches = net_and_batches
    net.train()
    net.body[2].eval()  # somebody froze it
    meter = CollapseMeter(net)
    frame = meter(batches)
    assert net.training and not net.body[2].training, "left as found"
    x, labels = (torch.cat(part) for part in zip(*batches, strict=True))
    net.eval()
    features, logits = net.body(x).detach(), net(x)
    wanted = naive(features, labels, net.head.weight.detach(), net.head.bias.detach())
    for name, value in wanted.items():
        assert frame[name][0] == pytest.approx(value, rel=1e-5, abs=1e-9), name
    near = collapse.nearest_mean_disagreement(features, logits, class_moments(features, labels).means)
    assert frame["nearest_mean"][0] == near
    assert frame["samples"][0] == len(x)
    again = meter(batches, step=7, nearest_mean=False)
    assert again["step"].tolist() == [0, 7]
    assert not net.head._forward_pre_hooks, "nothing stays on the model"


def test_the_meter_takes_what_training_computes_and_named_layers(net_and_batches):
    net, batches = net_and_batches
    net.eval()
    meter, own = CollapseMeter(net, ["body.0", "body"]), CollapseMeter(net)
    frame = meter(batches)
    assert frame["layer"].tolist() == ["body.0", "body"]
    x, labels = (torch.cat(part) for part in zip(*batches, strict=True))
    layers = collapse.layer_measures({"body.0": net.body[0](x), "body": net.body(x)}, labels)
    for row in frame.to_dict("records"):
        assert row["nc1_pinv"] == pytest.approx(layers[row["layer"]]["nc1_pinv"], rel=1e-5)
    with own.watching():
        for some, answer in batches:
            net(some)
            own.add(answer)
        with pytest.raises(ValueError, match="features: got none; allowed: one forward pass"):
            own.add(answer)
    assert own.read()["nc1_pinv"][0] == pytest.approx(frame["nc1_pinv"][1], rel=1e-9)
    other = CollapseMeter(net)
    for some, _ in other.batches(batches):
        net(some)
    assert other.frame["nc1_pinv"][0] == pytest.approx(frame["nc1_pinv"][1], rel=1e-9)
    for some, _ in other.batches(batches, step=5):  # left at once: nothing is read, nothing stays
        net(some)
        break
    assert len(other.frame) == 1 and not net.head._forward_pre_hooks
    for some, _ in other.batches([(x.numpy(), y.numpy()) for x, y in batches]):
        net(torch.from_numpy(some))
    assert other.frame["samples"].tolist() == [240, 240]
    with torch.random.fork_rng():
        narrow = CollapseMeter(nn.Sequential(nn.Linear(D, 2), nn.Linear(2, C)))
    assert "no simplex ETF" in narrow(batches).attrs["notes"][0]


def test_bad_input_says_which_class_or_argument(net_and_batches):
    net, batches = net_and_batches
    h, labels = drawn()
    hole = torch.where(labels == 2, 1, labels)
    nan = h.clone()
    nan[(labels == 3).nonzero()[0, 0], 1] = math.nan
    for call, words in (
        (lambda: class_moments(h, torch.zeros(len(h), dtype=torch.int64)), "labels: got 1 class"),
        (lambda: class_moments(h, hole), "labels: got no sample of class 2"),
        (lambda: class_moments(nan, labels), "features: got NaN or infinity in class 3"),
        (lambda: class_moments(h, labels, 3), "labels: got 3; allowed: 0 to 2"),
        (lambda: class_moments(h, labels - 1, 4), "labels: got -1"),
        (lambda: class_moments(h, labels[:-1]), r"labels: got shape \(239,\)"),
        (lambda: class_moments(h, labels.double(), 4), "labels: got torch.float64"),
        (lambda: ClassMoments(1, 3), "classes: got 1"),
        (lambda: collapse.self_duality(*[torch.ones(3, 2), torch.ones(3, 4)]), "means: got shape"),
        (lambda: collapse.equinorm(torch.full((2, 2), math.nan)), "rows: got NaN or infinity in class 0"),
        (lambda: collapse.minority_angle(torch.ones(3, 2), [1]), "minority: got"),
        (lambda: collapse.minority_angle(torch.ones(3, 2), [1, 1]), "minority: got .*two or more different"),
        (lambda: collapse.nearest_mean(nan, torch.ones(C, D)), "features: got NaN or infinity in row"),
        (lambda: collapse.collapse_measures(class_moments(h, labels), torch.ones(3, D)), "weight: got shape"),
        (lambda: collapse.frame_of_counts([3, 0]), "counts: got 0 for class 1"),
        (lambda: collapse.mse_split(class_moments(h, labels), torch.ones(C, 3)), "weight: got shape"),
        (lambda: CollapseMeter(net, "bodi"), "layer: got 'bodi'.*Did you mean 'body'"),
        (lambda: CollapseMeter(nn.Sequential(nn.Tanh())), "model: got none with an nn.Linear"),
        (lambda: CollapseMeter(net)(iter(batches)), "loader: got an iterator"),
        (lambda: CollapseMeter(net).read(), "features: got none"),
        (lambda: class_moments(h, labels).centre("mean"), "centre: got 'mean'"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
