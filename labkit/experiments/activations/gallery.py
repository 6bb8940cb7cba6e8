"""The gallery: activations over each other, their slopes, what they make of a Gaussian, their passports."""

import dataclasses
import functools
import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from labkit import config as base
from labkit.config import knob
from labkit.experiments.activations import form
from labkit.experiments.activations.passport import Passport, passport
from labkit.nn.activations import ACTIVATIONS, Activation, Parameter, get
from labkit.nn.activations.typed import typed
from labkit.pictures import Line, Lines, Picture, Scatter, Table

if TYPE_CHECKING:
    import pandas

NAMES = tuple(name for name, row in ACTIVATIONS.items() if isinstance(row, Activation))
NONE = "none"
#: Points of a curve; cells of the input and bins of its output.
CURVE, CELLS, BINS = 501, 4000, 160
#: Deviations of the input within which its output is drawn.
SEEN = 3.5
#: A parameter without an end moves so far from its default.
FREE = 3.0
#: What follows a slider; the rest of a passport is computed where every shape is as its source has it.
QUICK = ("smoothness", "monotone", "minimum", "maximum", "lipschitz", "gamma", "gain", "slope_gain",
         "chi_perp", "chi_par", "zeros", "hermite_decay")  # fmt: skip
SLOW = ("universality", "dying", "spectral_slope")

_SHAPE = "of the first function: 0 is its source's value, ±1 the ends of its range"


@dataclasses.dataclass(frozen=True, repr=False)
class Config(base.Config):
    """What hangs in the gallery."""

    first: str = knob("mish", "a member of the zoo", choices=NAMES, group="functions")
    second: str = knob("relu", "another, over it", choices=(NONE, *NAMES), group="functions")
    third: str = knob(NONE, "a third", choices=(NONE, *NAMES), group="functions")
    formula: str = knob("", "your own, in x: x*tanh(exp(x)); Enter shows it", group="functions")
    shape_1: float = knob(0.0, f"first parameter {_SHAPE}", low=-1, high=1, group="shape of the first")
    shape_2: float = knob(0.0, f"second parameter {_SHAPE}", low=-1, high=1, group="shape of the first")
    shape_3: float = knob(0.0, f"third parameter {_SHAPE}", low=-1, high=1, group="shape of the first")
    shape_4: float = knob(0.0, f"fourth parameter {_SHAPE}", low=-1, high=1, group="shape of the first")
    sigma: float = knob(
        1.0, "deviation of the Gaussian input", low=0.1, high=5, label="σ of the input", group="look"
    )
    reach: float = knob(5.0, "how far x goes", low=1, high=40, label="x up to", group="look")

    presets: ClassVar[Mapping[str, tuple[Mapping, str]]] = MappingProxyType(
        {
            "three gates": ({"first": "gelu", "second": "silu", "third": "mish"}, "x times a smooth step"),
            "kink or no kink": ({"first": "relu", "second": "elu", "third": "gelu"}, "C⁰, C¹, C^∞"),
            "saturating": ({"first": "tanh", "second": "erf", "third": "softsign"}, "all bounded by ±1"),
            "your own": ({"first": "silu", "second": NONE, "formula": "x*tanh(exp(x))"}, "TanhExp, typed"),
        }
    )

    def check(self) -> None:
        """The formula must be one."""
        if self.formula.strip():
            typed(self.formula)


Config.experiment = None  # nothing here trains


def gallery(config: Config) -> tuple[Picture, ...]:
    """φ, φ', φ'', what a Gaussian becomes, the Hermite spectrum, and passports."""
    shown = chosen(config)
    passports = {label: papers(label, member, moved) for label, (member, moved) in shown.items()}
    members = {label: member for label, (member, _) in shown.items()}
    return (
        _curves("value", "φ", members, _value, config.reach, config.reach),
        _curves("slope", "φ′", members, _slope, config.reach, 2.5),
        _curves("bend", "φ″ (without the spikes at kinks)", members, form.twice, config.reach, 3.0),
        _output(members, config.sigma),
        _spectrum(passports),
        table(passports),
    )


def chosen(config: Config) -> dict[str, tuple[Activation, bool]]:
    """Label -> member, and whether its shape was moved; at most four."""
    found: dict[str, tuple[Activation, bool]] = {}
    values = shape(config.first, (config.shape_1, config.shape_2, config.shape_3, config.shape_4))
    moved = {one.name: values[one.name] for one in ACTIVATIONS[config.first].parameters
             if values[one.name] != one.default}  # fmt: skip
    label = ", ".join([config.first, *(f"{name} = {_short(value)}" for name, value in moved.items())])
    found[label] = (_member(config.first, tuple(moved.items())), bool(moved))
    for name in (config.second, config.third):
        if name != NONE:
            found.setdefault(name, (ACTIVATIONS[name], False))
    if config.formula.strip():
        found.setdefault(config.formula.strip(), (typed(config.formula), False))
    return found


def shape(name: str, sliders: tuple[float, ...]) -> dict[str, Any]:
    """Parameters of a member with its first numbers moved: 0 its default, -1 and 1 the ends of its range."""
    sliders = iter(sliders)
    values = {}
    for one in ACTIVATIONS[name].parameters:
        if isinstance(one.default, tuple):
            values[one.name] = tuple(_moved(one, value, next(sliders, 0.0)) for value in one.default)
        else:
            values[one.name] = _moved(one, one.default, next(sliders, 0.0))
    return values


def papers(label: str, member: Activation, moved: bool) -> Passport:
    """The passport of what is shown; of a moved shape only what is quick."""
    return _papers(label, member, moved)


@functools.lru_cache(maxsize=64)
def density(member: Activation, sigma: float) -> tuple[np.ndarray, np.ndarray, dict[float, float]]:
    """Density of φ(σ z), and the masses of single points.

    Exact for φ drawn as straight lines between 4000 points with the normal mass of each piece, so also where
    φ folds the line (p = Σ p(x)/|φ'(x)|).

    Returns:
        Centres of bins, density there, and value -> probability where φ is flat.
    """
    z = torch.linspace(-SEEN, SEEN, CELLS + 1, dtype=torch.float64)
    mass = torch.special.ndtr(z).diff().numpy()
    y = member.function(sigma * z).numpy()
    low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
    flat = high - low <= 1e-12 * (1 + np.abs(high))
    atoms: dict[float, float] = {}
    for value, share in zip(np.round(y[:-1][flat], 9).tolist(), mass[flat].tolist(), strict=True):
        atoms[value] = atoms.get(value, 0.0) + share
    low, high, mass = low[~flat], high[~flat], mass[~flat]
    if not len(low):
        return np.zeros(0), np.zeros(0), atoms
    edges = np.linspace(low.min(), high.max(), BINS + 1)
    # the distribution function is a sum of ramps: each begins at one place and ends at another
    rise = mass / (high - low)
    at = np.concatenate((low, high))
    order = np.argsort(at)
    at, change = at[order], np.concatenate((rise, -rise))[order]
    slope, offset = np.cumsum(change), np.cumsum(change * at)
    k = np.searchsorted(at, edges, side="right") - 1
    below = np.where(k >= 0, slope[k] * edges - offset[k], 0.0)
    return (edges[1:] + edges[:-1]) / 2, np.maximum(np.diff(below), 0) / np.diff(edges), atoms


def table(passports: Mapping[str, Passport]) -> Table:
    """Passports side by side, one column a member; below it what is in doubt."""
    columns = ("", *passports)
    rows = tuple(
        (column.replace("_", " "), *(_short(one.values[column]) for one in passports.values()))
        for column in (*QUICK, *SLOW)
    )
    doubts = (f"{label} is in doubt: {one.doubt}" for label, one in passports.items() if one.doubt)
    return Table("passport", "Passport", columns, rows, note="; ".join(doubts))


def atlas(
    frame: "pandas.DataFrame", x: str = "gain", y: str = "chi_perp", colour: str = "smoothness"
) -> Scatter:
    """Members of a frame of passports that have both columns, named where there is room."""
    rows = frame[np.isfinite(frame[x]) & np.isfinite(frame[y])]
    points = np.column_stack((rows[x], rows[y], rows[colour].clip(-1, 4).fillna(-1))).astype(float)
    at = points[:, :2] / np.maximum(np.ptp(points[:, :2], axis=0), 1e-12) if len(points) else points[:, :2]
    named: list[int] = []
    for k in range(len(at)):
        if all(abs(at[k] - at[other])[1] > 0.045 or abs(at[k] - at[other])[0] > 0.3 for other in named):
            named.append(k)
    labels = tuple(name if k in named else "" for k, name in enumerate(rows["name"]))
    return Scatter(
        "atlas", f"{len(rows)} members", points, xlabel=x.replace("_", " "), ylabel=y.replace("_", " "),
        labels=labels, colour_label=f"{colour}, 4 is more",
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _papers(label: str, member: Activation, moved: bool) -> Passport:
    return passport(member, name=label, only=QUICK if moved else (*QUICK, *SLOW), glance=moved)


@functools.lru_cache(maxsize=256)
def _member(name: str, values: tuple[tuple[str, Any], ...]) -> Activation:
    return get(name, **dict(values))


def _moved(one: Parameter, default: float, slider: float) -> float:
    low = default - FREE if one.low is None else one.low
    high = default + FREE if one.high is None else one.high
    value = default + slider * ((high - default) if slider > 0 else (default - low))
    return round(value) if isinstance(default, int) else float(f"{value:.6g}") if slider else default


_value, _slope = operator.attrgetter("function"), operator.attrgetter("derivative")


def _curves(name: str, title: str, members: Mapping[str, Activation], of, reach: float, most: float) -> Lines:
    lines, lowest, highest = [], 0.0, 0.0
    for shade, (label, member) in enumerate(members.items()):
        try:
            x, y = _curve(member, of, reach)
        except RuntimeError:  # no second derivative
            continue
        lines.append(Line(y, label, x=x, shade=shade))
        lowest, highest = min(lowest, np.nanmin(y, initial=0)), max(highest, np.nanmax(y, initial=0))
    low, high = max(lowest, -most), min(highest, most)
    margin = 0.05 * (high - low) or 1.0
    return Lines(name, title, tuple(lines), xlabel="x", ylim=(low - margin, high + margin), events=False)


@functools.lru_cache(maxsize=64)
def _curve(member: Activation, of, reach: float) -> tuple[np.ndarray, np.ndarray]:
    x = _across(member, reach)
    y = of(member)(x).detach().numpy()
    x = x.numpy()
    for at in member.jumps:  # a gap
        there = np.abs(x - at) < 1e-8
        x, y = x[~there], y[~there]
        k = int(np.searchsorted(x, at))
        x, y = np.insert(x, k, at), np.insert(y, k, np.nan)
    return x, y


def _across(member: Activation, reach: float) -> torch.Tensor:
    """Places of a curve, with both sides of each break."""
    x = torch.linspace(-reach, reach, CURVE, dtype=torch.float64)
    at = torch.tensor([at for at in member.breaks if abs(at) < reach], dtype=torch.float64)
    return torch.cat((x, at - 1e-7, at + 1e-7)).sort().values if len(at) else x


def _output(members: Mapping[str, Activation], sigma: float) -> Lines:
    lines, top = [], 0.0
    for shade, (label, member) in enumerate(members.items()):
        centres, values, atoms = density(member, sigma)
        for value, share in sorted(atoms.items(), key=lambda item: -item[1])[:1]:
            label += f", {share:.0%} at {value:.3g}"
        if len(centres):
            lines.append(Line(values, label, x=centres, shade=shade))
            top = max(top, float(np.quantile(values, 0.97)))
    return Lines("output", f"Density of φ(z), z of deviation {sigma:g}", tuple(lines), xlabel="φ",
                 ylim=(0.0, 1.15 * top or 1.0), events=False)  # fmt: skip


def _spectrum(passports: Mapping[str, Passport]) -> Lines:
    lines = []
    for shade, (label, one) in enumerate(passports.items()):
        size = np.abs(one.hermite[:33])
        (n,) = np.nonzero(size > 1e-10)
        if len(n):
            lines.append(Line(size[n], label, x=n.astype(float), shade=shade))
    return Lines("hermite", "Hermite spectrum |aₙ| (zeros left out)", tuple(lines), xlabel="n", yscale="log",
                 events=False)  # fmt: skip


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(_short(each) for each in value) + ")"
    if isinstance(value, str):
        return value or "–"
    return "–" if value != value else f"{value:.5g}"
