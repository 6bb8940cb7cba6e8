# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2.4 Sine networks
# *Lab 2, Spectral bias · page 4 of 4 · about 25 minutes*
#
# ## 1 · The question
# What if every neuron is a sine: does the order of learning vanish, and what does one number, ω₀, decide?
#
# The cameraman at 64², after 100 steps, with the gradient and the Laplacian of the *network* (nobody showed it
# those):

# %%
import os

import numpy as np
import pandas as pd

from labkit import exercises, live, pages, panels, run
from labkit.experiments import picture_fields
from labkit.nn.activations import get
from labkit.nn.fields import backward_ratio, variance_gain
from labkit.nn.fields.starts import siren
from labkit.pictures import Line, Lines

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer runs, same verdicts
small = picture_fields.Config(size=64, width=64, learning_rate=2e-3)  # SIREN, ω₀ = 30
run(small, 40 if FAST else 100, every=20, progress=False).figure(
    pictures=["picture", "gradient", "laplacian"]
)

# %% [markdown]
# ## 2 · Predict
# 1. ω₀ = 3 or 200 in place of 30: which is blurred, which is noise?
# 2. The paper has coordinates on [−1, 1]. What if somebody hands over pixel numbers, or ±30?
# 3. A ReLU network has no curvature. What is its Laplacian?

# %% [markdown]
# ## 3 · Play
# The cameraman at 128², three layers of 256 sines.
#
# - **Play**: 30 dB are there after some fifty steps.
# - **ω₀**: 5, then 100. **coordinates ±**: 5, then 30.
# - **kind** `mlp` (ReLU): a blur, and a Laplacian that is 0 everywhere.
# - **Fork** and move the **learning rate**: too high a rate makes PSNR drop, and it climbs again.

# %%
live.panel(picture_fields.Config())

# %% [markdown]
# ## 4 · Look
# One quarter of the pixels trains (64², 60 steps); dB of the others:

# %%
quarter = small.replace(held_out=True, derivatives=False, learning_rate=1e-3)


def held_out(**changes):
    """PSNR of pixels that were not trained on."""
    return run(quarter.replace(**changes), 60, every=60, progress=False)["test_psnr"][-1]


omegas = {omega: held_out(omega_0=omega) for omega in ((3.0, 30.0, 200.0) if FAST else (3, 10, 30, 60, 200))}
far = held_out(extent=30.0)
print("ω₀: ", ", ".join(f"{omega:g} {value:.1f} dB" for omega, value in omegas.items()))
print(f"coordinates on ±30 in place of ±1: {far:.1f} dB")

# %%
# NBVAL_CHECK_OUTPUT
print("the best ω₀ lies", "inside" if max(omegas, key=omegas.get) not in (3.0, 200.0) else "at an end")
print("off [−1, 1]:", "fails" if far < omegas[30.0] - 5 else "works")

# %% [markdown]
# - **The order is still there**, and hardly matters: in *which frequencies are there* the low ones come first,
#   all within some hundred steps.
# - **ω₀ is a σ.** Too small is a blur; too large learns by heart and paints noise in between.
# - **±30 is ω₀ times thirty** for the first layer: neighbouring pixels become strangers.
#
# ## 5 · Open the box
# One ω₀, used twice: in the sine and, as its inverse, in the start of the hidden layers.

# %%
print(pages.source(siren))

# %% [markdown]
# ## 6 · Explain
# A layer is $\sin(\omega_0(Wx + b))$. With $W\sim U(\pm\sqrt{6/n}/\omega_0)$ its sines see a normal variable of
# variance 1 in every layer, whatever n and the depth. The first layer, $U(\pm 1/n_{in})$, spreads frequencies up to
# about $\omega_0/2\pi$ per unit: **the start is made for inputs on [−1, 1]**. And all derivatives of a sine
# network are sine networks: gradient and Laplacian are as good as the picture.
#
# **Any other activation** can be started by the same thought (VI3NR): pick a deviation σ_p of the pre-activations
# and take $W\sim U(\pm g\sqrt{3/n})$ with $g^2 = \sigma_p^2/E\,\varphi(\sigma_p z)^2$. Gradients keep their
# variance, too, where $\sigma_p^2\,E\varphi'^2/E\varphi^2 = 1$. For tanh:

# %%
tanh = get("tanh")
for sigma_p in (0.1, 1.0, 3.0):
    gain, back = variance_gain(tanh, sigma_p), backward_ratio(tanh, sigma_p)
    print(f"σ_p = {sigma_p:<4g} gain² = {gain:6.2f}   gradients × {back:.2f} a layer")
deep = small.replace(kind="mlp", activation="tanh", depth=6, learning_rate=1e-3, derivatives=False)
deep = deep.replace(size=32 if FAST else 64)
own, informed = (
    run(deep.replace(variance=v), 100, every=100, progress=False)["train_psnr"][-1] for v in (0.0, 3.0)
)
print(f"six tanh layers, 100 steps: torch's start {own:.1f} dB, VI3NR with σ_p = 3 {informed:.1f} dB")

# %% [markdown]
# (Gradients of tanh keep their variance for small σ_p only, where it is a line and learns little. And σ_p is no
# cure-all: Gaussian bumps did better from their plain start than from the σ_p of .03, .1 and .3.)
#
# **Relatives.** FINER's $\sin(\omega_0(|z|+1)z)$ has frequencies that grow with z; WIRE's Gabor wavelet
# $\cos(\omega_0 z)\,e^{-(s_0 z)^2}$ looks at one place. Beside each other they are judged fairly only if *each has its own
# best learning rate*. So here is the whole table, PSNR of all pixels after 50 steps (64 × 64, 64 wide):

# %%
rates = (1e-3, 5e-3, 2e-2) if FAST else (5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2)
race = picture_fields.Config(size=32 if FAST else 64, width=64, derivatives=False)
kinds = {"siren": {}, "finer": {"kind": "finer"}, "wire": {"kind": "wire", "omega_0": 20.0}}
table = pd.DataFrame(
    {
        kind: [
            run(race.replace(learning_rate=rate, **changes), 50, every=50, progress=False)["train_psnr"][-1]
            for rate in rates
        ]
        for kind, changes in kinds.items()
    },
    index=pd.Index(rates, name="learning rate"),
)
table.round(1)

# %%
lines = tuple(Line(table[kind].to_numpy(), kind, x=rates, shade=at) for at, kind in enumerate(table))
picture = Lines("race", "each has a best rate of its own", lines, "learning rate", "PSNR, dB", xscale="log")
panels.explore_figure([picture])

# %% [markdown]
# Down a column is further than across the best of each: one picture, 50 steps and one rate for all could crown any
# of them.
#
# ## 7 · Try it
# **A.** Write `bound(layer, n, omega_0)`: SIREN's weights of layer 1, 2, ... with fan-in n start at U(± bound).


# %% tags=["exercise"]
def bound(layer, n, omega_0): ...


exercises.check("spectral_bias-04-bound", bound)


# %% jupyter={"source_hidden": true} tags=["solution"]
def bound(layer, n, omega_0):
    return 1 / n if layer == 1 else np.sqrt(6 / n) / omega_0


exercises.check("spectral_bias-04-bound", bound)

# %% [markdown]
# **B.** Coordinates run over ±30, and may not be changed. Choose `omega_0`, and nothing else, so that 16 dB of the
# held-out pixels are there after 60 steps:

# %%
wide = picture_fields.Config(size=64, width=64, held_out=True, extent=30.0, derivatives=False)
wide

# %% tags=["exercise"]
answer = ...

exercises.check("spectral_bias-04-far", answer)

# %% jupyter={"source_hidden": true} tags=["solution"]
answer = wide.replace(omega_0=1.0)

exercises.check("spectral_bias-04-far", answer)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert omegas[30.0] > omegas[3.0] + 5 and omegas[30.0] > omegas[200.0] + 5
assert far < omegas[30.0] - 5
assert abs(variance_gain(tanh, 1.0) - 2.54) < 0.01 and informed > own
spread = table.max() - table.min()
assert spread["wire"] > 8  # one learning rate makes or breaks it
assert spread.max() > np.ptp(table.max())  # rates matter more than kinds
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Sitzmann, Martel, Bergman, Lindell, Wetzstein, *Implicit neural representations with periodic activation
#   functions* (2020), [arXiv 2006.09661](https://arxiv.org/abs/2006.09661): SIREN. Its text and its code differ in
#   the first layer; the code is right.
# - Hewa Koneputugodage, Ben-Shabat, Ramasinghe, Gould, *VI3NR* (CVPR 2025): variance-informed starts.
# - Liu et al., *FINER* (2024), [arXiv 2312.02434](https://arxiv.org/abs/2312.02434); Saragadam et al., *WIRE*
#   (2023), [arXiv 2301.05187](https://arxiv.org/abs/2301.05187), of which the real part is taken here; the
#   complex network of the paper is `labkit.nn.fields.Wire`.
#
# Back: [escaping it](03_escaping_it.ipynb) · [all labs](../00_start.ipynb).
