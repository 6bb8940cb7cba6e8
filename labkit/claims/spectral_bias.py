"""What is claimed about spectral bias: order of learning, kernels, the circle, pictures."""

import numpy as np
import torch

from labkit import run, sweep
from labkit.claims import spectral_bias_pictures
from labkit.claims.claim import Claim, Expected, Measured
from labkit.experiments import spectral_bias
from labkit.measures import first_times
from labkit.theory.ntk import circle_eigenvalues

RAHAMAN = "Rahaman et al., On the spectral bias of neural networks (2019)"
JACOT = "Jacot, Gabriel, Hongler, Neural tangent kernel (2018)"
BASRI = "Basri et al., The convergence rate of neural networks for learned functions (2019)"
TANCIK = spectral_bias_pictures.TANCIK

#: Runs of the order of learning, and of networks on the circle.
SEEDS, CIRCLES = 10, 5


# ----------------------------------------------------------------------------- order of learning


def order_of_relu() -> Measured:
    """Spearman's correlation of k and the first step at which half of it is there."""
    frame = sweep(spectral_bias.Config(), seed=range(SEEDS), steps=1_500, progress=False)
    never = int(frame["highest_learnt"].isna().sum())
    order = frame["order"].round(9).tolist()  # one swap of neighbours is .9 exactly
    return Measured({"Spearman(k, time)": order}, f"k = 10 not learnt: {never} of {SEEDS}")


def order_of_waves() -> Measured:
    """The same for presets whose range covers the target."""
    found = {}
    for name, steps in (("SIREN", 300), ("Fourier features", 150)):
        config = spectral_bias.Config.preset(name)
        found[f"{name}, mean"] = [
            float(sweep(config, seed=range(SEEDS), steps=steps, progress=False)["order"].mean())
        ]
    return Measured(found, f"means of {SEEDS} seeds")


# ------------------------------------------------------------------------------------- the kernel


def off_the_kernel(config: spectral_bias.Config, steps: int) -> tuple[float, float]:
    """How far modes are from their prediction until half of each is left, along the kernel's eigenvectors.

    Of all modes that hold at least a twentieth of the target: the largest |measured/predicted − 1| of what
    is left, and of the rates −ln(left), once a tenth is learnt.
    """
    runs = config.experiment(config, torch.device("cpu")).runs
    solved, done, of_left, of_rates = runs.solved(), 0, [0.0], [0.0]
    loud = solved.initial.abs() > 0.05 * solved.initial.norm()
    for step in np.unique(np.round(np.geomspace(1, steps, 40)).astype(int)).tolist():
        runs.advance(step - done)
        done = step
        left, found = solved.decay(step, config.learning_rate), runs.mode_residuals() / solved.initial
        on = loud & (left > 0.5)
        of_left += (found / left - 1).abs()[on].tolist()
        on &= left < 0.9
        of_rates += (found.clamp_min(1e-9).log() / left.log() - 1).abs()[on].tolist()
    return max(of_left), max(of_rates)


def lazy() -> Measured:
    """Of k = 1 to 4 on the circle with α = 1; and where the kernel moves too much for that."""
    config = spectral_bias.Config.preset(
        "kernel", domain="circle", points=64, learning_rate=0.2, output_scale=1.0
    )
    left, rates = zip(*(off_the_kernel(config.replace(seed=n), 160) for n in range(CIRCLES)), strict=True)
    words = {
        "k = 1 to 8": config.replace(notes=8),
        "k = 1 to 8, α = 10": config.replace(notes=8, output_scale=10.0),
        "on a line": config.replace(domain="interval"),
    }
    return Measured(
        {"what is left of a mode, largest error": list(left), "its rate, largest error": list(rates)},
        "rates in other settings: "
        + ", ".join(f"{name} {off_the_kernel(other, 600)[1]:.2f}" for name, other in words.items()),
    )


def exponent(k: np.ndarray, times: np.ndarray) -> float:
    """The p of times ∝ k^p, by least squares between logarithms."""
    return float(np.polyfit(np.log(k), np.log(times), 1)[0])


def square_law() -> Measured:
    """Exponents of the time to one half against k from 4 on, and those of the infinitely wide network."""
    notes, late = np.arange(1, 13), slice(3, 12)
    config = spectral_bias.Config.preset("circle, bias", notes=12, output_scale=100.0)
    found, exact = [], 1 / circle_eigenvalues("relu", notes, sigma_b=config.bias).numpy()
    for seed in range(CIRCLES):
        history = run(config.replace(seed=seed), 1_800, every=4, progress=False)
        times = first_times(history.steps, np.stack([history[f"a_{k}"] for k in notes], 1))
        found.append(exponent(notes[late], times[late]))
    further = circle_eigenvalues("relu", [4, 8, 16, 32], sigma_b=config.bias).log2().diff().neg().tolist()
    return Measured(
        {"exponent, k = 4 to 12": found},
        f"theory {exponent(notes[late], exact[late]):.2f}, from 4 to 8, 16, 32 "
        + ", ".join(f"{each:.2f}" for each in further)
        + "; steps to one half "
        + ", ".join(f"k = {k}: {times[k - 1]:.0f}" for k in (1, 2, 4, 8, 12)),
    )


def never_odd() -> Measured:
    """Largest a_k of odd k from 3, smallest of even ones."""
    history = run(spectral_bias.Config.preset("circle, no bias"), 600, progress=False)
    learnt = np.stack([history[f"a_{k}"] for k in range(1, 9)], 1)
    return Measured(
        {
            "largest a_3, a_5, a_7": [float(learnt[:, [2, 4, 6]].max())],
            "smallest a_2, a_4, a_6 at the end": [float(learnt[-1, [1, 3, 5]].min())],
        }
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "spectral_bias/order-relu", RAHAMAN, "ReLU networks learn low frequencies first.",
        (Expected("Spearman(k, time)", low=0.9, seeds=(SEEDS, SEEDS)),),
        "k = 2, 4, ..., 10 of equal strength, the first time that a_k > .5", order_of_relu,
    ),
    Claim(
        "spectral_bias/order-waves", TANCIK, "Fitting sine networks and Fourier features have no order.",
        (Expected("SIREN, mean", -0.4, 0.4, 0.0), Expected("Fourier features, mean", -0.4, 0.4, 0.0)),
        "k = 5, 10, ..., 50; ω_0 = 60, σ = 80: ten ranks at random have a deviation of .33, their mean over "
        "ten seeds of .1", order_of_waves,
    ),
    Claim(
        "spectral_bias/kernel-predicts", JACOT,
        "The empirical NTK of the start predicts how each mode decays within 20 % until it has halved.",
        tuple(
            Expected(f"{what}, largest error", high=0.2, seeds=(CIRCLES, CIRCLES))
            for what in ("what is left of a mode", "its rate")
        ),
        "two-layer ReLU, NTK parametrisation, width 2048, full-batch gradient descent, α = 1; k = 1 to 4 on "
        "the circle, along the kernel's eigenvectors that hold a twentieth of the target or more", lazy,
        note="The kernel moves while slow modes are learnt, and the error of fast ones is what it has moved "
        "by then: with k up to 8, or on a line, whose eigenvalues fall faster, this width is not lazy enough "
        "at α = 1 (the remark has the errors). What counts is α√width.",
    ),
    Claim(
        "spectral_bias/circle-with-bias", BASRI, "On the circle, with bias, time grows like k² from k = 4.",
        (Expected("exponent, k = 4 to 12", 1.8, 2.2, 2.0, seeds=(CIRCLES, CIRCLES)),),
        "eigenvalues fall like k⁻²; within 10 %; biases as strong as weights (σ_b = σ_w = √2), two-layer "
        "ReLU of 2048 neurons, α = 100", square_law,
        note="The weaker the biases, the later k² sets in: with He's weights and biases N(0, 1) the "
        "infinitely wide network has 2.28 from 4 to 8. With α = 10 the kernel moves while fast notes are "
        "learnt: 2.4 and 2.5 from 4 to 12 (two seeds).",
    ),
    Claim(
        "spectral_bias/circle-no-bias", BASRI, "Without bias odd frequencies from 3 on are never learnt.",
        (
            Expected("largest a_3, a_5, a_7", high=0.1),
            Expected("smallest a_2, a_4, a_6 at the end", low=0.9),
        ),
        "their eigenvalue is 0, exactly; 600 steps, in which even ones are learnt", never_odd,
    ),
    *spectral_bias_pictures.CLAIMS,
)  # fmt: skip
