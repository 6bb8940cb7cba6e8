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
# # 2.3 Escaping it
# *Lab 2, Spectral bias · page 3 of 4 · about 20 minutes*
#
# ## 1 · The question
# A network that learns slow waves first paints blurred pictures. Can the same network, trained in the same way,
# see fine detail if it is only shown its coordinates differently?
#
# A ReLU network learns a portrait as a function: pixel coordinates in, grey value out. It sees every second pixel
# of every second row; the other three quarters are the test.

# %%
import os

import numpy as np

from labkit import exercises, live, pages, panels, run
from labkit.experiments import picture_fields
from labkit.nn.fields import fourier_features
from labkit.pictures import Line, Lines

STEPS = 60 if os.environ.get("LABKIT_FAST") == "1" else 200  # set by the tests: same verdicts
plain = picture_fields.Config(
    picture="astronaut", size=128, width=64, kind="mlp", held_out=True, learning_rate=1e-2, derivatives=False
)
features = plain.replace(encoding="gaussian", features=128, sigma=2.5, learning_rate=5e-3)
blurred, sharp = (run(c, STEPS, every=20, progress=False) for c in (plain, features))
sharp.figure(pictures=["target", "picture", "power"])

# %%
blurred.figure(pictures=["picture", "psnr", "power"])

# %% [markdown]
# Above, coordinates went through random sines and cosines first. Below, the same network saw x and y.
#
# ## 2 · Predict
# The sines have random frequencies of deviation σ, in cycles per picture. Only every second pixel is trained on.
#
# 1. σ very small, .1: what will the picture look like?
# 2. σ very large, 30: what will the *trained* pixels look like, and what the others?
# 3. Fixed octaves along x and y (*positional encoding*) in place of random waves: which details suffer?

# %% [markdown]
# ## 3 · Play
# - **Play**, and watch the picture and *which frequencies are there*.
# - Move **σ of features** (it restarts; the old run stays as a ghost): .3, then 10.
# - **encoding**: `none`, then `positional`. Try another **picture**: text, grass, or the path of your own file.

# %%
live.panel(features)

# %% [markdown]
# ## 4 · Look
# The same for a row of σ. PSNR is $10\log_{10}(4/\mathrm{MSE})$ in dB: values run over [−1, 1], a range of 2.

# %%
sigmas = (0.3, 1.0, 2.5, 6.0, 15.0) if STEPS > 100 else (0.3, 2.5, 15.0)
kept = [run(features.replace(sigma=s), STEPS, every=STEPS, progress=False) for s in sigmas]
train = np.array([one["train_psnr"][-1] for one in kept])
test = np.array([one["test_psnr"][-1] for one in kept])
none = blurred["test_psnr"][-1]
bands = plain.replace(encoding="positional", bands=5, learning_rate=5e-3)
octaves = run(bands, STEPS, every=STEPS, progress=False)["test_psnr"][-1]
lines = (
    Line(train, "trained on", x=sigmas),
    Line(test, "held out", x=sigmas, shade=1),
    Line([none, none], "held out, no features", x=[sigmas[0], sigmas[-1]], shade=2),
    Line([octaves, octaves], "held out, positional", x=[sigmas[0], sigmas[-1]], shade=3),
)
picture = Lines("sweep", f"after {STEPS} steps", lines, "σ", "PSNR, dB", xscale="log", events=False)
panels.explore_figure([picture])

# %% [markdown]
# - **σ too small** is nearly no encoding: a blur.
# - **σ too large** learns every pixel it sees by heart, and noise in between.
# - **In between** there is an optimum, many dB ahead of plain coordinates. Longer training narrows the gap: plain
#   coordinates get there, too, slowly.

# %%
# NBVAL_CHECK_OUTPUT
best = int(test.argmax())
print("the best σ lies", "inside" if 0 < best < len(sigmas) - 1 else "at an end")
print("at the largest σ: trained pixels", "far ahead" if train[-1] > test[-1] + 6 else "about equal")
print("best σ against none:", "5 dB and more" if test[best] - none >= 5 else "less than 5 dB")

# %% [markdown]
# ## 5 · Open the box

# %%
print(pages.source(fourier_features))

# %% [markdown]
# ## 6 · Explain
# Instead of v the network sees
#
# $$\gamma(v) = [\cos 2\pi Bv,\ \sin 2\pi Bv], \qquad B_{ij}\sim N(0,\sigma^2),$$
#
# with B drawn once and never trained. Inner products now depend on differences alone, $\gamma(v)\cdot\gamma(v') =
# \sum_j \cos 2\pi b_j\cdot(v - v')$, so the kernel of the network on top is the same at every place: a bump whose
# width is about $1/\sigma$. Its eigenfunctions are waves, and eigenvalues stay large up to frequencies of about
# σ. A wider band of waves is learnt *at once*: on page 2.2's terms, γ flattens the spectrum of the kernel.
#
# That is also why σ can be too large. A bump narrower than the distance of two training pixels says nothing about
# what lies between them. Here 64 pixels a side train, so that nothing above 32 cycles is known; the best σ is a
# fraction of that. Tancik et al. found 10 for 256 trained pixels a side: the same share.
#
# *Positional encoding* (NeRF) takes octaves $2^j/2$ along each axis. No frequency lies between the axes, so
# slanted detail is seen less well.
#
# **Where this ends:** σ is tuned to one picture and one grid. The next page has networks that can move it.
#
# ## 7 · Try it
# **A.** Write `features_of(x, B)` with numpy: x has the shape (n, d), B (m, d), the result (n, 2m).


# %% tags=["exercise"]
def features_of(x, B): ...


exercises.check("spectral_bias-03-features", features_of)


# %% jupyter={"source_hidden": true} tags=["solution"]
def features_of(x, B):
    angle = 2 * np.pi * x @ B.T
    return np.hstack([np.cos(angle), np.sin(angle)])


exercises.check("spectral_bias-03-features", features_of)

# %% [markdown]
# **B.** Handwriting is nearly all edges. Start from this config and choose `sigma`, and nothing else, so that
# 26 dB of the held-out pixels are there after 60 steps:

# %%
text = features.replace(picture="text", sigma=0.3)
text

# %% tags=["exercise"]
answer = ...

exercises.check("spectral_bias-03-sigma", answer)

# %% jupyter={"source_hidden": true} tags=["solution"]
answer = text.replace(sigma=4.0)

exercises.check("spectral_bias-03-sigma", answer)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert 0 < best < len(sigmas) - 1
assert test[best] - none >= 5  # far ahead of plain coordinates
assert test[best] - max(test[0], test[-1]) >= 1  # and of either end
assert train[-1] - test[-1] > 6  # by heart
assert octaves > none + 2  # octaves help, too
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Tancik, Srinivasan, Mildenhall, Fridovich-Keil, Raghavan, Singhal, Ramamoorthi, Barron, Ng, *Fourier features
#   let networks learn high frequency functions in low dimensional domains* (2020),
#   [arXiv 2006.10739](https://arxiv.org/abs/2006.10739): at 512² and 2000 steps, none 19.3 and Gaussian 25.6 dB on
#   natural pictures, 18.4 and 30.5 on text.
# - Mildenhall et al., *NeRF* (2020), [arXiv 2003.08934](https://arxiv.org/abs/2003.08934): positional encoding.
#
# Back: [the kernel's eigenvalues](02_the_kernels_eigenvalues.ipynb) · next:
# [sine networks](04_sine_networks.ipynb) · [all labs](../00_start.ipynb).
