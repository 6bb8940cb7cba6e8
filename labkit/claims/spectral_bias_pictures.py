"""What is claimed about pictures as functions: Fourier features, sine networks, their learning rates."""

import math

from labkit import run
from labkit.claims.claim import Claim, Expected, Measured
from labkit.claims.trained import trained
from labkit.experiments import picture_fields
from labkit.nn.activations import get
from labkit.nn.fields import variance_gain

TANCIK = "Tancik et al., Fourier features let networks learn high frequency functions (2020)"
SITZMANN = "Sitzmann et al., Implicit neural representations with periodic activations (2020)"
FINER = "Liu et al., FINER: flexible spectral-bias tuning (2024)"
VI3NR = "Hewa Koneputugodage et al., VI3NR: variance informed initialization (2025)"

#: σ in cycles per picture, and learning rates; each σ with its best. Pixels of one quarter train.
SIGMAS, RATES = (0.3, 2.5, 6.0, 15.0), (3e-3, 1e-2)
PATIENCE = 200
HALF = {"size": 128, "width": 64, "held_out": True, "kind": "mlp", "features": 128, "derivatives": False}
#: Fields of page 4 beside each other: kind -> learning rates that are tried, at 64².
RACE = {
    "siren": (5e-4, 1e-3, 2e-3, 5e-3),
    "finer": (5e-4, 1e-3, 2e-3, 5e-3),
    "wire": (1e-3, 2e-3, 5e-3, 1e-2, 2e-2),
}


def last_psnr(config: picture_fields.Config, steps: int) -> float:
    """Of what was held out, or of all pixels where nothing was."""
    history = run(config, steps, every=steps, progress=False)
    return float(history["test_psnr" if config.held_out else "train_psnr"][-1])


def features() -> Measured:
    """Best learning rate for each σ and for plain coordinates; pixels held out."""
    found, words = {}, []
    for picture in ("astronaut", "text"):
        plain = picture_fields.Config(picture=picture, **HALF)
        best = {
            sigma: max(
                last_psnr(
                    plain.replace(learning_rate=rate) if sigma is None
                    else plain.replace(learning_rate=rate, encoding="gaussian", sigma=sigma), PATIENCE,
                )
                for rate in RATES
            )
            for sigma in (None, *SIGMAS)
        }  # fmt: skip
        top = max(SIGMAS, key=best.get)
        found[f"{picture}, best σ over none, dB"] = [best[top] - best[None]]
        found[f"{picture}, best σ over either end, dB"] = [best[top] - max(best[SIGMAS[0]], best[SIGMAS[-1]])]
        words.append(
            f"{picture}: none {best[None]:.1f}, "
            + ", ".join(f"σ {sigma:g} {best[sigma]:.1f}" for sigma in SIGMAS)
        )
    return Measured(found, "; ".join(words))


def cameraman(size: int) -> Measured:
    """First measured step with 30 dB."""
    name = "SIREN" if size == 128 else "Sitzmann et al."
    config = picture_fields.Config.preset(name, derivatives=False, size=size)
    found = trained(config, 500, lambda record: record.measures["train_psnr"] >= picture_fields.SEEN, extra=0)
    came = found.last["train_psnr"]
    step = found.step if came >= picture_fields.SEEN else math.nan
    return Measured({"step with 30 dB": [step]}, f"{came:.1f} dB at step {found.step}, range 2")


def off_the_range() -> Measured:
    """PSNR of held-out pixels with coordinates on ±1 and on ±30."""
    near, far = (
        last_psnr(
            picture_fields.Config(size=64, width=128, held_out=True, extent=extent, derivatives=False), 150
        )
        for extent in (1.0, 30.0)
    )
    return Measured({"±1 over ±30, dB held out": [near - far]}, f"{near:.1f} and {far:.1f} dB")


def race() -> Measured:
    """PSNR after 50 steps at 64² by learning rate, for each kind."""
    table = {
        kind: {
            rate: last_psnr(
                picture_fields.Config(
                    kind=kind, omega_0=20.0 if kind == "wire" else 30.0, size=64, width=64,
                    learning_rate=rate, derivatives=False,
                ), 50,
            )
            for rate in rates
        }
        for kind, rates in RACE.items()
    }  # fmt: skip
    best = {kind: max(row.values()) for kind, row in table.items()}
    wire = table["wire"].values()
    return Measured(
        {
            "WIRE, best over worst learning rate, dB": [max(wire) - min(wire)],
            "FINER over SIREN, each with its best, dB": [best["finer"] - best["siren"]],
        },
        "; ".join(
            f"{kind}: " + ", ".join(f"{rate:g} {value:.1f}" for rate, value in row.items())
            for kind, row in table.items()
        ),
    )


def gains() -> Measured:
    """gain² of VI3NR by quadrature, against its table by Monte Carlo."""
    table = {("tanh", 1.0): 2.54, ("tanh", 0.1): 1.02, ("sigmoid", 1.0): 3.41, ("sigmoid", 6.8): 104.28}
    apart = [abs(variance_gain(get(name), sigma) / gain - 1) for (name, sigma), gain in table.items()]
    return Measured({"largest relative difference": [max(apart)]})


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "spectral_bias/feature-scale", TANCIK, "Fourier features have a best σ, far ahead of none.",
        tuple(
            Expected(f"{picture}, best σ over {what}, dB", low, reference=reference)
            for picture, known in (("astronaut", 6.25), ("text", 12.07))
            for what, low, reference in (("none", 5.0, known), ("either end", 1.0, None))
        ),
        "mean test PSNR of the paper, natural pictures 19.32 and 25.57, text 18.40 and 30.47, 512² and 2000 "
        "steps; here one picture of 128², a quarter of the pixels, 200 steps, each σ and none with its best "
        "of two learning rates", features,
    ),
    Claim(
        "spectral_bias/siren-128", SITZMANN, "SIREN paints the cameraman at 128² within 500 steps.",
        (Expected("step with 30 dB", high=500),), "30 dB, range² = 4 of values in [−1, 1]",
        lambda: cameraman(128),
    ),
    Claim(
        "spectral_bias/siren-256", SITZMANN, "SIREN paints the cameraman at 256² within 500 steps.",
        (Expected("step with 30 dB", high=500),), "the paper's demo, Adam 1e-4; 30 dB, range² = 4",
        lambda: cameraman(256), slow=True,
    ),
    Claim(
        "spectral_bias/siren-range", SITZMANN, "SIREN fails where coordinates leave [−1, 1].",
        (Expected("±1 over ±30, dB held out", low=4.0),),
        "64², a quarter of the pixels trains, 150 steps; neighbours on ±30 are strangers", off_the_range,
    ),
    Claim(
        "spectral_bias/learning-rates", FINER, "A learning rate is worth more than a choice of field.",
        (
            Expected("WIRE, best over worst learning rate, dB", low=10.0, reference=16.2),
            Expected("FINER over SIREN, each with its best, dB", low=0.0),
        ),
        "mean PSNR of 16 pictures by learning rate of WIRE: 12.58 to 28.78; here 64², 64 wide, 50 steps",
        race,
        note="Real part of the wavelet. That FINER is ahead of SIREN is their claim, for 5000 steps.",
    ),
    Claim(
        "spectral_bias/gains", VI3NR, "These gains keep the variance of pre-activations.",
        (Expected("largest relative difference", high=0.005),),
        "tanh 2.54 (σ_p 1), 1.02 (.1), sigmoid 3.41 (1), 104.28 (6.8), by a million samples", gains,
    ),
)  # fmt: skip
