"""Classes to tell apart: Gaussian clusters, real pictures, long tails and wrong labels.

Letters: C classes, d width, n_c training samples of class c.
"""

import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from labkit import _checks
from labkit.data.arithmetic import corrupt
from labkit.data.digits import CLASSES as DIGITS
from labkit.data.digits import digits
from labkit.simplex import simplex_etf

#: name here -> class of ``torchvision.datasets``
VISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10"}
#: How the number of samples falls from the first class to the last.
PROFILES = ("exponential", "step")
#: Where class means stand: equally far from each other, or at random.
PLACES = ("simplex", "random")


class Labelled(NamedTuple):
    """Samples of C classes, split once.

    Attributes:
        x: (rows, d) to train on.
        answer: (rows,) int64, 0 to C - 1.
        test_x: (rows, d) held out.
        test_answer: the same for those.
        shape: of one sample before it was flattened: (channels, height, width), or (d,).
    """

    x: Tensor
    answer: Tensor
    test_x: Tensor
    test_answer: Tensor
    shape: tuple[int, ...]

    @property
    def classes(self) -> int:
        """C; a class counts that only the test set has left."""
        return int(max(self.answer.max(), self.test_answer.max())) + 1

    @property
    def counts(self) -> tuple[int, ...]:
        """n_c, by class."""
        return tuple(torch.bincount(self.answer, minlength=self.classes).tolist())


def gaussian_clusters(
    classes: int = 4,
    width: int = 16,
    per_class: int = 100,
    separation: float = 4.0,
    *,
    places: str = "simplex",
    test_per_class: int = 100,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Labelled:
    """Clusters x = μ_c + N(0, I), of deviation 1 in every direction.

    Args:
        classes: C, 2 or more.
        width: d.
        per_class: n of every class, 1 or more; :func:`long_tailed` thins them.
        separation: distance between two class means in units of the deviation, 0 or more; with "random" the
            root of its mean square. At 4, the best classifier of two classes errs in 2 %.
        places: "simplex": every two means are ``separation`` apart, d ≥ C - 1; "random": Gaussian means.
        test_per_class: held out, of every class.
        generator: on the CPU; draws places, then training, then test samples.
        dtype: of x.

    Raises:
        ValueError: a size below its least, a simplex in d < C - 1 dimensions.
    """
    classes = _checks.number("classes", classes, kind=int, low=2)
    width = _checks.number("width", width, kind=int, low=1)
    per_class = _checks.number("per_class", per_class, kind=int, low=1)
    test_per_class = _checks.number("test_per_class", test_per_class, kind=int, low=1)
    separation = _checks.number("separation", separation, low=0)
    if _checks.choice("places", places, PLACES) == "simplex":
        means = simplex_etf(classes, width, generator=generator)
    else:
        means = torch.randn(classes, width, generator=generator, dtype=torch.float64)
    means = means * (separation / torch.pdist(means).square().mean().sqrt())

    def samples(each: int) -> tuple[Tensor, Tensor]:
        answer = torch.arange(classes).repeat_interleave(each)
        noise = torch.randn(len(answer), width, generator=generator, dtype=torch.float64)
        return (means[answer] + noise).to(dtype), answer

    return Labelled(*samples(per_class), *samples(test_per_class), shape=(width,))


def some_digits(
    classes: int | Sequence[int] = 4, *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Labelled:
    """Some of scikit-learn's handwritten digits, relabelled 0 to C - 1 in the order given.

    Args:
        classes: how many, the digits 0, 1, ...; or which ones. 2 to 10.
        seed: of the split, see :func:`labkit.data.digits.digits`.
        dtype: of the pictures.

    Raises:
        ValueError: fewer than two, one twice, or no digit.
    """
    return _chosen(Labelled(*digits(seed=seed, dtype=dtype), shape=(1, 8, 8)), classes, DIGITS)


def vision(
    name: str,
    classes: int | Sequence[int] = 10,
    *,
    per_class: int | None = None,
    root: str | os.PathLike | None = None,
    dtype: torch.dtype = torch.float32,
) -> Labelled:
    """MNIST, Fashion-MNIST or CIFAR-10 through torchvision, which fetches what is not there yet.

    The mean picture of the training set is subtracted and every picture is scaled to |x|² = d, as digits are.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10".
        classes: how many, from class 0 on; or which ones, relabelled 0 to C - 1.
        per_class: the first so many training pictures of each; ``None`` means all.
        root: folder of the files; ``None`` means LABKIT_DATA, or ~/.cache/labkit.
        dtype: of the pictures.

    Raises:
        ValueError: an unknown name, classes that do not exist.
        ModuleNotFoundError: torchvision is not installed (says how to get it).
        OSError: the files are neither there nor to be fetched (says where they are looked for).
    """
    kind = _checks.lookup(VISION, name, "name")
    try:
        datasets = import_module("torchvision.datasets")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"torchvision: {name!r} needs it; install it with: pip install 'labkit[vision]' "
            "(digits and clusters need nothing)"
        ) from None
    root = Path(root or os.environ.get("LABKIT_DATA") or Path.home() / ".cache" / "labkit")
    try:
        parts = [getattr(datasets, kind)(str(root), train=train, download=True) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        raise OSError(
            f"{name}: not found in {root} and not to be fetched ({error}); "
            "copy the files there by hand, or set LABKIT_DATA to the folder that has them"
        ) from error
    (x, answer), (test_x, test_answer) = [_pictures(part) for part in parts]
    shape, mean = tuple(x.shape[1:]), x.flatten(1).mean(0)
    x, test_x = (_scaled(each.flatten(1) - mean).to(dtype) for each in (x, test_x))
    data = _chosen(Labelled(x, answer, test_x, test_answer, shape), classes, 10)
    if per_class is None:
        return data
    per_class = _checks.number("per_class", per_class, kind=int, low=1)
    return _kept(data, [per_class] * data.classes, torch.arange(len(data.x)))


def long_tailed(
    data: Labelled, ratio: float, *, profile: str = "exponential", generator: torch.Generator
) -> Labelled:
    """The same with fewer and fewer training samples from class 0 to class C - 1; the test set stays.

    "exponential": n_c = n_0 ratio^{-c/(C-1)} (Cui et al. 1901.05555). "step": the second half of the classes
    (the larger one, if C is odd) has n_0 / ratio (Buda et al. 1710.05381). n_0 is the size of the smallest
    class before. Rounded, 1 at least.

    Args:
        data: what to thin.
        ratio: n_max / n_min, 1 or more.
        profile: "exponential" or "step".
        generator: on the CPU; draws which samples stay.

    Raises:
        ValueError: a ratio below 1, an unknown profile, an empty class.
    """
    counts = tail(data.counts, ratio, profile)
    return _kept(data, counts, torch.randperm(len(data.answer), generator=generator))


def tail(counts: Sequence[int], ratio: float, profile: str = "exponential") -> tuple[int, ...]:
    """How many samples :func:`long_tailed` leaves of each class.

    Raises:
        ValueError: fewer than two classes, an empty class (which), a ratio below 1, an unknown profile.
    """
    ratio = _checks.number("ratio", ratio, low=1)
    _checks.choice("profile", profile, PROFILES)
    if len(counts) < 2:
        raise ValueError(f"counts: got {len(counts)} class(es); allowed: two or more")
    for k, count in enumerate(counts):
        _checks.number(f"counts: class {k}", count, kind=int, low=1)
    first, last = min(counts), len(counts) - 1
    if profile == "exponential":
        shares = [ratio ** -(c / last) for c in range(last + 1)]
    else:
        shares = [1.0 if c < len(counts) // 2 else 1 / ratio for c in range(last + 1)]
    return tuple(max(1, round(first * share)) for share in shares)


def with_label_noise(data: Labelled, share: float, *, generator: torch.Generator) -> Labelled:
    """A share of training labels drawn anew, uniformly from all C classes; the test set stays.

    One in C of them is right by chance, as in Zhang et al. (1611.03530).

    Args:
        data: with clean labels.
        share: 0 to 1.
        generator: on the CPU.

    Raises:
        ValueError: a share outside [0, 1].
    """
    return data._replace(answer=corrupt(data.answer, share, data.classes, generator=generator))


def _chosen(data: Labelled, classes: int | Sequence[int], known: int) -> Labelled:
    given = classes.tolist() if hasattr(classes, "tolist") else classes  # of arrays
    given = range(given) if isinstance(given, int) else given
    wanted = list(given) if isinstance(given, Iterable) else [given]
    if len(wanted) < 2 or len(set(wanted)) < len(wanted) or not set(wanted) <= set(range(known)):
        raise ValueError(f"classes: got {wanted}; allowed: 2 to {known} different ones of 0 to {known - 1}")
    new = torch.full((known,), -1)
    new[wanted] = torch.arange(len(wanted))
    train, test = new[data.answer], new[data.test_answer]
    x, test_x = data.x[train >= 0], data.test_x[test >= 0]
    return Labelled(x, train[train >= 0], test_x, test[test >= 0], data.shape)


def _kept(data: Labelled, counts: Sequence[int], order: Tensor) -> Labelled:
    """The first ``counts[c]`` of each class in this order, back in the order of the data."""
    chosen = [order[data.answer[order] == c][:count] for c, count in enumerate(counts)]
    rows = torch.cat(chosen).sort().values
    return data._replace(x=data.x[rows], answer=data.answer[rows])


def _pictures(part: object) -> tuple[Tensor, Tensor]:
    """(rows, channels, height, width) float32 in 0 to 1, and labels, of a torchvision data set."""
    x, answer = torch.as_tensor(part.data), torch.as_tensor(part.targets).long()
    x = x[:, None] if x.dim() == 3 else x.permute(0, 3, 1, 2)
    return x.float() / 255, answer


def _scaled(x: Tensor) -> Tensor:
    return x * (x.shape[1] ** 0.5 / x.norm(dim=1, keepdim=True).clamp_min(1e-12))
