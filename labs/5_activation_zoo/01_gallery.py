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
# # 5.1 The gallery
# *Lab 5, The activation zoo · page 1 of 4 · about 20 minutes*
#
# ## 1 · The question
# Mish and GELU look the same across a room. Which numbers of a function decide what a network makes of it?
#
# Nothing is trained on this page: every number follows from the curve alone, most of them from what it does to
# a Gaussian $z$. This is the picture you will get:

# %%
import os

from labkit import exercises, live, pages, panels
from labkit.experiments import activations
from labkit.experiments.activations import constants, gallery
from labkit.nn.activations import ACTIVATIONS

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer members, same verdicts
config = gallery.Config(first="mish", second="gelu", third="relu")
panels.explore_figure(gallery.gallery(config))

# %% [markdown]
# ## 2 · Predict
# 1. How deep does Mish dip: to $-.03$, $-.3$ or $-3$? Is GELU deeper or less deep?
# 2. A standard Gaussian goes in. Where is the output of $\sin$ most often: near 0, or near $\pm 1$?
# 3. PyTorch multiplies the weights before a tanh by 5/3. Is that too much or too little to give a standard
#    Gaussian its variance back?
# 4. Take the Hermite coefficients $a_n$, a function's *frequencies* under a Gaussian. Whose fall faster: those of
#    ReLU, or of GELU?

# %% [markdown]
# ## 3 · Play
# - Put `tanh` first, and move **σ of the input** from .3 to 5: the density goes from a bell to two spikes.
# - Put `leaky_relu` first and move **shape 1** from −1 to 1 (slopes from −2 to 2). Near .5 the Hermite spectrum
#   all but vanishes. Why there?
# - Choose `selu`. Its gain is 1. Is its χ⊥ 1 as well?
# - Type a formula of your own under **formula** and press Enter: `x*tanh(exp(x))`, `max(x/4, sin(x))`,
#   `x - sin(3*x)/3`. It gets a passport like everybody else.

# %%
live.explore(gallery.gallery, config)

# %% [markdown]
# ## 4 · Look
# - **Dips.** Mish falls to $-.3088$, GELU to $-.1700$. A dip means that two inputs share an output: the density
#   has a spike at the bottom, where the curve turns.
# - **Spikes.** Wherever $\varphi' = 0$ the output piles up: at $\pm 1$ for $\sin$. ReLU sends half of everything to
#   exactly 0.
# - **Gains.** tanh needs $1/\sqrt{E\varphi^2} = 1.5925$; 5/3 is 4.7 % too much, each layer.
# - **Corners ring.** Coefficients of ReLU fall like a power of $n$, those of GELU much faster. The same corner is
#   in the spectrum of a random network (*spectral slope*): about $k^{-4}$ with a kink, no power at all without.
# - **SELU** keeps the length exactly, but χ⊥ = 1.0716: it drives neighbours apart, mildly.

# %%
# NBVAL_CHECK_OUTPUT
print("              γ        1/√Eφ²   1/√Eφ′²  minimum")
for name in ("relu", "elu", "gelu", "silu", "mish", "tanh", "sin", "sigmoid"):
    one = activations.passport(name, only=("gamma", "slope_gain", "minimum"))
    print(f"{name:12}{one.gamma:9.6f}{one.gain:10.6f}{one.slope_gain:10.6f}{one.minimum + 0.0:9.4f}")

# %% [markdown]
# A passport can be asked for by name or by formula, and those of the whole table are one frame to sort. What
# could not be verified at its source is on it as well (`doubt`), and below the table of the gallery.

# %%
activations.passport("x*tanh(exp(x))")

# %%
some = "relu gelu mish silu elu selu tanh erf sin sigmoid softsign arctan soft_threshold abs".split()
seen = ["smoothness", "lipschitz", "gamma", "gain", "chi_perp", "dying", "spectral_slope"]
frame = activations.passports(some if FAST else gallery.NAMES, only=[*seen, "hermite_decay", "zeros"])
frame.sort_values("chi_perp")[["name", *seen]].head(12).round(3)

# %%
near = frame[frame.gain.between(0.3, 4) & frame.chi_perp.between(0.3, 2)]
panels.explore_figure(
    [
        gallery.atlas(near),
        gallery.atlas(near, "hermite_decay", "spectral_slope"),
        gallery.atlas(near, "zeros", "dying"),
    ]
)

# %% [markdown]
# Left: above χ⊥ = 1 two neighbours drift apart when the length is kept, below it they come together. Middle: the
# two ways to be smooth say the same. Right: only those with a flat side can have dead units.
#
# ## 5 · Open the box
# Every constant is an integral over a Gaussian, split where the function breaks, to twelve digits:

# %%
print(pages.source(constants.values))
print(pages.source(constants.polynomials))

# %% [markdown]
# A typed formula never reaches Python's `eval`. It is parsed to a tree, and each node must be in a short list:

# %%
for text in ("max(x/4, sin(x))", "__import__('os')", "x**10000", "1/(x - 1)", "tanhh(x)"):
    try:
        print(f"{text:20} joins, with kinks at {activations.resolve(text).kinks[:3]} ...")
    except ValueError as error:
        print(f"{text:20} {str(error)[:80]}")

# %% [markdown]
# ## 6 · Explain
# With weights of variance $\sigma_w^2/N$ a wide layer turns a Gaussian of variance 1 into one of variance
# $\sigma_w^2 E\varphi(z)^2$: so $1/\sqrt{E\varphi^2}$ is the $\sigma_w$ that keeps the length, and
# $\gamma = 1/\sqrt{\mathrm{Var}\,\varphi}$ does the same where the mean is taken off (normaliser-free networks use it).
# A gradient is multiplied by $\chi_\perp = \sigma_w^2 E\varphi'^2$. At the $\sigma_w$ that keeps the length it is
#
# $$\chi_\perp = \frac{E\varphi'(z)^2}{E\varphi(z)^2}, \qquad
# \text{and with } \varphi = \sum_n a_n h_n:\quad
# E\varphi^2 = \sum_n a_n^2,\quad E\varphi'^2 = \sum_n n\,a_n^2,$$
#
# $h_n = \mathrm{He}_n/\sqrt{n!}$. So χ⊥ is the *mean degree*: 1 for a line, more for whatever bends, less only where
# a constant $a_0$ takes part of the square. Two inputs of correlation $c$ leave with $\sum a_n^2 c^n$: high degrees
# are what a network forgets first.
#
# A jump makes $a_n^2$ fall like $n^{-3/2}$, a kink like $n^{-5/2}$, one more for every order of smoothness; what is
# analytic falls faster than any power. The explanation ends where widths are small or inputs are not Gaussian:
# then the constants are only nearly right.
#
# ## 7 · Try it
# **A.** Write `gain(phi)`: $1/\sqrt{E\varphi(z)^2}$ for any function on arrays, to four digits.


# %% tags=["exercise"]
def gain(phi): ...


exercises.check("activation_zoo-01-gain", gain)


# %% jupyter={"source_hidden": true} tags=["solution"]
def gain(phi):
    import numpy as np

    z = np.linspace(-12, 12, 200_001)
    mass = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    return (phi(z) ** 2 @ mass) ** -0.5


exercises.check("activation_zoo-01-gain", gain)

# %% [markdown]
# **B.** Type a formula that turns a standard Gaussian into something of mean 0 and variance 1, is bounded, and has
# no corner.

# %% tags=["exercise"]
formula = "x"

exercises.check("activation_zoo-01-standard", formula)

# %% jupyter={"source_hidden": true} tags=["solution"]
formula = "1.592537 * tanh(x)"

exercises.check("activation_zoo-01-standard", formula)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
asked = [*seen, "minimum", "zeros", "hermite_decay"]
paper = {name: activations.passport(name, only=asked) for name in ("relu", "gelu", "mish", "selu", "tanh")}
assert abs(paper["mish"].minimum + 0.30884) < 5e-6 and abs(paper["gelu"].minimum + 0.169971) < 1e-6
assert paper["relu"].zeros == 0.5 and abs(5 / 3 / paper["tanh"].gain - 1.047) < 1e-3
assert abs(paper["selu"].gain - 1) < 1e-6 and abs(paper["selu"].chi_perp - 1.0716) < 1e-4
assert 1.3 < paper["relu"].hermite_decay < 1.7 and paper["gelu"].hermite_decay > 8
assert -4.6 < paper["relu"].spectral_slope < -3.6 and paper["gelu"].spectral_slope < -8
centres, density, _ = gallery.density(ACTIVATIONS["sin"], 1.0)
assert density[-1] > 3 * density[len(density) // 2] and density[0] > 3 * density[len(density) // 2]
degrees = range(len(paper["gelu"].hermite))
mean_degree = (
    sum(n * a**2 for n, a in zip(degrees, paper["gelu"].hermite, strict=True)) * paper["gelu"].gain ** 2
)
assert abs(mean_degree - paper["gelu"].chi_perp) < 1e-6
assert set(frame[frame.dying > 0.05].name) <= set(frame[frame.zeros > 0.1].name)  # only with a flat side
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Brock, De, Smith, *Characterizing signal propagation to close the performance gap in unnormalized ResNets*
#   (2021), [arXiv 2101.08692](https://arxiv.org/abs/2101.08692): γ, estimated there from random numbers.
# - Misra, *Mish* (2019), [arXiv 1908.08681](https://arxiv.org/abs/1908.08681); Hendrycks, Gimpel, *GELU* (2016),
#   [arXiv 1606.08415](https://arxiv.org/abs/1606.08415).
# - Klambauer, Unterthiner, Mayr, Hochreiter, *Self-normalizing neural networks* (2017),
#   [arXiv 1706.02515](https://arxiv.org/abs/1706.02515): SELU.
# - Daniely, Frostig, Singer, *Toward deeper understanding of neural networks* (2016),
#   [arXiv 1602.05897](https://arxiv.org/abs/1602.05897): the dual activation $\sum a_n^2 c^n$.
#
# Next: [the race](02_race.ipynb) · [all labs](../00_start.ipynb).
