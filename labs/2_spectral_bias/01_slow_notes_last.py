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
# # 2.1 Slow notes last
# *Lab 2, Spectral bias · page 1 of 4 · about 20 minutes*
#
# ## 1 · The question
# A network is shown a chord: five sines of equal strength. Which of them does it learn first?
#
# This is the picture you will get. Each row is one sine (k periods), to the right go the steps of training;
# yellow is learnt:

# %%
import numpy as np

from labkit import exercises, live, pages, run
from labkit.experiments import spectral_bias
from labkit.measures import amplitudes, first_times, learning_order

config = spectral_bias.Config()  # k = 2, 4, ..., 10; ReLU, 4 × 128, Adam, all 200 points at once
history = run(config, steps=1000, every=10, progress=False)
history.figure(pictures=["spectrum", "notes", "fit"])

# %% [markdown]
# ## 2 · Predict
# Before you play:
#
# 1. Make the highest note five times as strong as the lowest (`amplitudes` rising). Will it now come first?
# 2. Deeper, wider: does the order turn, or does all of it only go faster?
# 3. Replace ReLU by tanh, which is smooth. Better or worse at fast waves?

# %% [markdown]
# ## 3 · Play
# - **Play**, and watch the heat map fill from below; *the network and its target* shows the same as curves.
# - **Fork** and change the **learning rate**: everything comes sooner or later, in the same order.
# - Try **amplitudes**, **depth**, **width**, **activation** (each restarts; the old run stays as a ghost).
# - **optimizer** `momentum`, learning rate .02: dashed lines appear, what the *kernel* of the start predicts. The
#   order is right, but this network overtakes them: its kernel moves. The preset `kernel` keeps to them (2.2).
#   For Adam there are none: it divides each gradient by its own history, and no fixed kernel describes that.

# %%
live.panel(config)

# %% [markdown]
# ## 4 · Look
# - **From below.** The slowest wave is half learnt after 50 steps, the fastest needs ten times as long.
# - **Strength hardly helps.** With rising amplitudes the loudest note, the fastest, is still the last.
# - **Nothing is wrong with the network.** It can represent the chord, and in the end it does.

# %%
# NBVAL_CHECK_OUTPUT
frequencies = [2, 4, 6, 8, 10]


def times(history):
    """The first step at which half of each sine is there."""
    return first_times(history.steps, np.stack([history[f"a_{k}"] for k in frequencies], 1))


equal = times(history)
loud = times(run(config.replace(amplitudes="rising"), steps=1000, every=10, progress=False))
for name, found in (("equal", equal), ("rising", loud)):
    order = learning_order(frequencies, found)
    print(f"{name} amplitudes:", "slow waves first" if order >= 0.89 else f"another order, {order:.1f}")

# %% [markdown]
# ## 5 · Open the box
# How much of a sine is in the output is one Fourier transform away:

# %%
print(pages.source(amplitudes))

# %% [markdown]
# Where gradient descent (not Adam) trains a wide network, theory knows these curves beforehand:

# %%
lazy = spectral_bias.Config.preset("kernel")
predicted = run(lazy, steps=300, every=10, progress=False)
predicted.figure(pictures=["notes", "loss", "kernel"])

# %% [markdown]
# ## 6 · Explain
# The learnt share of frequency k is
#
# $$a_k(t) = \frac{2}{N A_k}\,\Bigl|\sum_n f_t(x_n)\, e^{-2\pi i k n/N}\Bigr| .$$
#
# Rahaman et al. (2019) saw it rise for low k first, whatever the amplitudes, and called it *spectral bias*. Two
# reasons, which the next page takes apart:
#
# 1. A ReLU network is piecewise linear, and the spectrum of one with bounded weights falls at least like
#    $1/k^2$: a fast wave needs many bends and large weights.
# 2. To first order training multiplies what is missing of each *eigenfunction* by $1 - 2\eta\lambda/N$ in a
#    step, and λ falls with the frequency.
#
# **Where this ends:** "low frequency" is measured in the coordinate that the network *sees*. Give it another one
# (page 2.3) or other units (page 2.4), and the order is gone.
#
# ## 7 · Try it
# **A.** Write `amplitude(values, k)`: the amplitude A of A sin(2πkx + φ) in samples of one period.


# %% tags=["exercise"]
def amplitude(values, k): ...


exercises.check("spectral_bias-01-amplitude", amplitude)


# %% jupyter={"source_hidden": true} tags=["solution"]
def amplitude(values, k):
    return 2 * abs(np.fft.rfft(values)[k]) / len(values)


exercises.check("spectral_bias-01-amplitude", amplitude)

# %% [markdown]
# **B.** Same target: give a config in which the highest note comes at most twice as late as the lowest, both
# within 300 steps. The check trains it.


# %% tags=["exercise"]
early = ...

exercises.check("spectral_bias-01-early", early)

# %% jupyter={"source_hidden": true} tags=["solution"]
early = config.replace(encoding="gaussian", sigma=10.0, width=64)

exercises.check("spectral_bias-01-early", early)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert learning_order(frequencies, equal) >= 0.89 and learning_order(frequencies, loud) >= 0.89
assert equal[0] < 100 and equal[-1] > 5 * equal[0]
assert min(history[f"a_{k}"][-1] for k in frequencies) > 0.5  # in the end all of them
for k in (1, 2):  # the kernel's prediction, where it applies
    assert np.abs(predicted[f"ntk_{k}"] - predicted[f"a_{k}"]).max() < 0.1
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Rahaman, Baratin, Arpit, Draxler, Lin, Hamprecht, Bengio, Courville, *On the spectral bias of neural
#   networks* (2019), [arXiv 1806.08734](https://arxiv.org/abs/1806.08734): the experiment and the picture. The
#   preset `Rahaman et al.` has their network, ten notes and a learning rate seven times smaller.
# - Xu, Zhang, Luo, Xiao, Ma, *Frequency principle* (2019),
#   [arXiv 1901.06523](https://arxiv.org/abs/1901.06523): the same found independently.
#
# Next: [why? the kernel's eigenvalues](02_the_kernels_eigenvalues.ipynb) · [all labs](../00_start.ipynb).
