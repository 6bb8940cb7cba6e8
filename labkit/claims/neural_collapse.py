"""What is claimed about neural collapse: free features against closed forms; and networks on digits."""

import math
from collections.abc import Iterable

import numpy as np
import torch

from labkit import run
from labkit.claims.claim import Claim, Expected, Measured
from labkit.claims.neural_collapse_digits import DIGITS
from labkit.experiments import unconstrained
from labkit.theory.unconstrained import balanced as theory_of_balanced

DANG = "Dang et al., Neural collapse in deep linear networks (2023)"
TIRER = "Tirer, Bruna, Extended unconstrained features model (2022)"

#: Depth -> the published row for counts 200, 100, 50, 50 and λ = 5e-4, by class: s_k of each layer, and over
#: the first class ‖w_k‖² of the end-to-end map and ‖h_k‖²; logits; and λ at which zero becomes the global
#: minimum of the smallest class, and at which its other minimum disappears.
TABLE = {
    1: {
        "s": (3.7339, 3.1305, 2.6213),
        "‖w‖² ratio": (1, 0.7029, 0.4928),
        "‖h‖² ratio": (1, 1.4058, 1.9713),
        "logit": (0.9859, 0.9800, 0.9717),
        "thresholds": (0.01768, 0.01768),
    },
    3: {
        "s": (1.9374, 1.7755, 1.6263),
        "‖w‖² ratio": (1, 0.5923, 0.3499),
        "‖h‖² ratio": (1, 1.6796, 2.8186),
        "logit": (0.9962, 0.9937, 0.9893),
        "thresholds": (0.01279, 0.01809),
    },
}
SEEDS = 3
#: Below this logit a class is dead.
DEAD = 5e-3
#: Values of λ around a threshold: 1 % apart.
AROUND = np.arange(-0.04, 0.0401, 0.01)
#: Balanced settings (K, n, λ_W, λ_H) with c from .08 to .9, and two with c above 1.
ALIVE = (
    (4, 100, 5e-4, 5e-4), (3, 50, 2e-3, 2e-4), (5, 20, 1e-2, 5e-3), (4, 100, 1e-3, 1e-2),
    (4, 100, 0.02, 0.025),
)  # fmt: skip
ZERO = ((4, 100, 0.02, 0.05), (3, 50, 0.05, 0.05))


# ----------------------------------------------------------------------------------------- free features


def _config(depth: int, seed: int = 0, **changes: float) -> unconstrained.Config:
    return unconstrained.Config(depth=depth, seed=seed, samples=False, **changes)


def trained_row(depth: int, seed: int) -> dict[str, list[float]]:
    """The table's numbers at λ = 5e-4, off weights and features after descent."""
    config = _config(depth, seed, learning_rate=1.0)
    history = run(config, 2_000, every=2_000, progress=False)
    by_class = {
        name: np.array([history[f"{name}_{k}"][-1] for k in (1, 2, 3)])
        for name in ("logit", "weight", "feature")
    }
    experiment = config.experiment(config, torch.device("cpu"))
    experiment.load(history.state)
    last = experiment.net.parts()[0][-1].detach().norm(dim=1)
    return {
        "s": last[:3].tolist(),
        "‖w‖² ratio": (by_class["weight"] / by_class["weight"][0]).tolist(),
        "‖h‖² ratio": (by_class["feature"] / by_class["feature"][0]).tolist(),
        "logit": by_class["logit"].tolist(),
    }


def row(depth: int) -> Measured:
    """Largest relative difference of any trained number from the table, by kind and seed."""
    found = [trained_row(depth, seed) for seed in range(SEEDS)]
    worst = {
        f"{kind}, largest relative difference": [_apart(each[kind], TABLE[depth][kind]) for each in found]
        for kind in found[0]
    }
    return Measured(worst, f"s {', '.join(f'{s:.4f}' for s in found[0]['s'])}")


def _apart(found: Iterable[float], wanted: Iterable[float]) -> float:
    return float(np.abs(np.array(list(found)) / np.array(list(wanted)) - 1).max())


def dies_at(depth: int, near: float, rate: float, class_: int = 4) -> float:
    """λ at which a class dies on the way up: between the last value where it lived and the next."""
    config = _config(depth, learning_rate=rate, lambda_w=near / 2, lambda_h=near / 2)
    experiment = config.experiment(config, torch.device("cpu"))
    grid = [near * share for share in (0.5, 0.8, *(1 + AROUND))]
    read = [(pull, now[f"logit_{class_}"]) for pull, now in unconstrained.followed(experiment, grid, 600)]
    alive = [pull for pull, logit in read if logit > DEAD]
    dead = [pull for pull, logit in read if logit <= DEAD]
    return (max(alive) + min(dead)) / 2 if alive and dead else math.nan


def equal_at(near: float) -> float:
    """λ at which the trained loss with the smallest classes alive equals that with them dead, for M = 3."""
    config = _config(3, learning_rate=1.0, lambda_w=0.005, lambda_h=0.005)
    experiment = config.experiment(config, torch.device("cpu"))
    grid = [0.97 * near, 1.03 * near]
    up = [now["total_loss"] for _, now in unconstrained.followed(experiment, [0.005, 0.009, *grid], 600)][-2:]
    down = [now["total_loss"] for _, now in unconstrained.followed(experiment, [0.019, *grid], 600)][-2:]
    ahead = np.array(down) - np.array(up)  # above zero while the living state costs less
    return float(grid[0] + (grid[1] - grid[0]) * ahead[0] / (ahead[0] - ahead[1]))


def thresholds() -> Measured:
    """The thresholds of the table, by training; for M = 1 both are one."""
    (one, _), (equal, vanish) = TABLE[1]["thresholds"], TABLE[3]["thresholds"]
    return Measured(
        {
            "M = 1, λ where it dies": [dies_at(1, one, 3.0)],
            "M = 3, λ where both losses are equal": [equal_at(equal)],
            "M = 3, λ where it dies on the way up": [dies_at(3, vanish, 1.0)],
        }
    )


def every_class_dies() -> Measured:
    """M = 1: λ at which each class dies, over √n_k / N."""
    counts = _config(1).counts
    ratios = {}
    for k in (1, 2, 4):
        wanted = math.sqrt(counts[k - 1]) / sum(counts)
        ratios[counts[k - 1]] = dies_at(1, wanted, 3.0, k) / wanted
    words = ", ".join(f"n = {n}: {ratio:.3f}" for n, ratio in ratios.items())
    return Measured({"largest |ratio − 1|": [max(abs(ratio - 1) for ratio in ratios.values())]}, words)


def hysteresis(depth: int, pulls: tuple[float, ...], rate: float) -> Measured:
    """The smallest class's logit on the way up and down."""
    alive, dead, low = pulls
    found: dict[str, list[float]] = {}
    for seed in range(SEEDS):
        way = [low, (low + alive) / 2, alive, dead]
        frame = unconstrained.up_and_down(_config(depth, seed, learning_rate=rate), way, steps=500)
        logit = frame[frame["class"] == 4].set_index(["direction", "lambda"])["logit"].abs()
        for name, at in ((f"up at {alive:g}", ("up", alive)), (f"up at {dead:g}", ("up", dead)),
                         (f"back at {low:g}", ("down", low))):  # fmt: skip
            found.setdefault(name, []).append(float(logit[at]))
    return Measured(found)


def balanced() -> Measured:
    """‖h‖² over ρ, distance from the simplex once centred, and what is left where c > 1."""
    differ, simplex, left = [], [], []
    for settings in ALIVE + ZERO:
        classes, n, w, h = settings
        counts = {f"count_{k}": n for k in (1, 2, 3, 4)}
        config = _config(1, lambda_w=w, lambda_h=h, classes=classes, learning_rate=0.5, **counts)
        history = run(config, 4_000, every=4_000, progress=False)
        known = theory_of_balanced(classes, n, w, h)
        features = np.array([history[f"feature_{k}"][-1] for k in range(1, classes + 1)])
        if known.zero:
            left.append(float(features.max()))
        else:
            differ.append(_apart(features, [known.rho] * classes))
            simplex.append(float(history["etf_means"][-1]))
    return Measured(
        {
            "‖h‖² from ρ, largest relative difference": [max(differ)],
            "centred means from the simplex": [max(simplex)],
            "largest ‖h‖² where c > 1": [max(left)],
        },
        f"{len(ALIVE)} settings with c < 1, {len(ZERO)} with c > 1",
    )


def _row(depth: int) -> Claim:
    kinds = [kind for kind in TABLE[depth] if kind != "thresholds"]
    return Claim(
        f"neural_collapse/table-m{depth}", DANG,
        f"Free features, M = {depth}, n = 200, 100, 50, 50: singular values, lengths and logits are these.",
        tuple(
            Expected(f"{kind}, largest relative difference", high=0.01, seeds=(SEEDS, SEEDS))
            for kind in kinds
        ),
        "closed form to four digits; the lengths are of the end-to-end map, s of the last layer alone",
        lambda: row(depth),
    )  # fmt: skip


CLAIMS: tuple[Claim, ...] = (
    _row(1),
    _row(3),
    Claim(
        "neural_collapse/thresholds", DANG,
        "A class of 50 in 400 dies at these λ, by training.",
        (
            Expected("M = 1, λ where it dies", 0.01768 * 0.97, 0.01768 * 1.03, 0.01768),
            Expected("M = 3, λ where both losses are equal", 0.01279 * 0.99, 0.01279 * 1.01, 0.01279),
            Expected("M = 3, λ where it dies on the way up", 0.01809 * 0.98, 0.01809 * 1.02, 0.01809),
        ),
        "closed form with the zero branch that the published code leaves out; λ moves in steps of 1 %, and "
        "near a threshold descent is slow", thresholds,
    ),
    Claim(
        "neural_collapse/every-class", DANG,
        "With one layer class k dies at λ = √n_k / N, the smallest first.",
        (Expected("largest |ratio − 1|", high=0.03),), "closed form, 3 %", every_class_dies,
    ),
    Claim(
        "neural_collapse/hysteresis", DANG,
        "With three layers a class that died as λ rose does not return as λ falls.",
        (
            Expected("up at 0.0175", 0.4366 * 0.99, 0.4366 * 1.01, 0.4366, seeds=(SEEDS, SEEDS)),
            Expected("up at 0.0186", high=1e-3, seeds=(SEEDS, SEEDS)),
            Expected("back at 0.001", high=1e-3, seeds=(SEEDS, SEEDS)),
        ),
        "logit of the smallest class; zero stays a minimum at any λ above 0 for M ≥ 2",
        lambda: hysteresis(3, (0.0175, 0.0186, 0.001), 1.0),
        note="λ rises in steps. A jump from small λ to .0175 lands at zero: descent overshoots.",
    ),
    Claim(
        "neural_collapse/no-hysteresis", DANG,
        "With one layer it dies continuously, and returns.",
        (
            Expected("up at 0.017", 0.0383 * 0.98, 0.0383 * 1.02, 0.0383, seeds=(SEEDS, SEEDS)),
            Expected("up at 0.0184", high=1e-3, seeds=(SEEDS, SEEDS)),
            Expected("back at 0.01", 0.4343 * 0.99, 0.4343 * 1.01, 0.4343, seeds=(SEEDS, SEEDS)),
        ),
        "logit of the smallest class, 1 − λ N/√n", lambda: hysteresis(1, (0.017, 0.0184, 0.01), 3.0),
    ),
    Claim(
        "neural_collapse/balanced", TIRER,
        "Balanced: ‖h‖² = ρ = (1 − c)√(λ_W/λ_H), a simplex once centred; zero where c > 1.",
        (
            Expected("‖h‖² from ρ, largest relative difference", high=0.01),
            Expected("centred means from the simplex", high=0.01),
            Expected("largest ‖h‖² where c > 1", high=1e-6),
        ),
        "closed form, in the constants of the paper: λ_W' = Kλ_W, λ_H' = Knλ_H, c = √(λ_W'λ_H')", balanced,
    ),
    *DIGITS,
)  # fmt: skip
