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
# # 4.5 Sparse activations
# *Lab 4, The edge of chaos · page 5 of 5 · about 20 minutes*
#
# ## 1 · The question
# Can a deep network work with 85 % of its neurons silent?
#
# Zeros need not be computed, so one would like many. Shift ReLU to the right: φ(x) = max(x − τ, 0). The theory
# of this lab gives the one start (σ_w, σ_b) that keeps lengths and angles. Here is what six random networks
# make of it:

# %%
import math
import os

import numpy as np

from labkit import exercises, live, pages, run, runtime
from labkit.experiments import edge_of_chaos, sparse
from labkit.panels import explore_figure
from labkit.theory.sparse import sparse_edge

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer steps, same verdicts
STEPS = 160 if FAST else 1000
explore_figure(sparse.pictures(sparse.Config()))

# %% [markdown]
# On the right: theory says that a length of 1 stays 1. Five of six networks disagree within 35 layers.
#
# ## 2 · Predict
# 1. The curve in the middle touches zero at length 1. What happens to a length of 1.1, and to one of 0.9?
# 2. Would wider networks stay, or only leave later?
# 3. Cut φ off at a height m. Does that help if m is small, or if it is large?

# %% [markdown]
# ## 3 · Play
# Everything answers at once; *draw* gives other networks.
#
# - Tick **clipped**, then drag **m** from 4 down to ½.
# - Untick it, and drag **width** to 4096.
# - Drag **τ** down to 0.05 (nearly ReLU): is it the sparsity that hurts?

# %%
live.explore(sparse.pictures, sparse.Config(), title="Sparse activations")

# %% [markdown]
# ## 4 · Look
# - **Without a clip the curve lies above zero on both sides**: from below, lengths climb to 1; from above, they
#   run away. Noise decides which side you are on, and there is always noise.
# - **Width only delays it.** Networks of 4096 neurons stay longer, and leave as well.
# - **With a clip the curve crosses zero**, downwards: lengths are pulled back to 1 from either side.
# - **The lower the clip, the stronger the pull**; with m = 3 it is nearly gone, and networks leave again.


# %%
def leave(m, width=256, networks=80 if FAST else 200):
    edge = sparse_edge("shifted_relu", 0.85, m)
    draws = sparse.random_lengths(edge, width, 100, networks, runtime.generator(0, 4))
    return float((draws > 10).any(1).double().mean())


left = {m: leave(m) for m in (0.5, 1.0, 1.5, 2.0, 3.0, math.inf)}
for m, share in left.items():
    edge = sparse_edge("shifted_relu", 0.85, m)
    print(f"m = {m:<4g} V′(1) = {edge.slope:.3f}   beyond length 10 within 100 layers: {100 * share:3.0f} %")

# %%
# NBVAL_CHECK_OUTPUT
print("without a clip most networks leave:", left[math.inf] > 0.5)
print("clipped at 1 some leave:           ", left[1.0] > 0)

# %% [markdown]
# ## 5 · Open the box
# All of it is a few moments of a normal distribution, in closed form:

# %%
print(pages.source(sparse_edge))

# %% [markdown]
# ## 6 · Explain
# Let $z$ be standard normal, Φ and $p$ its distribution and density. At length 1 a share $s = \Phi(\tau)$ of
# the neurons is silent, and $E[\varphi'^2] = 1 - s$. So *angles* are kept ($\chi_\perp = 1$) by
# $\sigma_w^2 = 1/(1 - s)$, and *the length* by $\sigma_b^2 = 1 - \sigma_w^2 E[\varphi^2]$. That leaves nothing to
# choose, and it happens that
#
# $$V'(1) = 1, \qquad V''(1) = \tfrac12 \sigma_w^2\, \tau\, p(\tau) > 0.$$
#
# A fixed point that attracts from below and repels from above. For ReLU τ = 0 and $V'' = 0$: every
# length is kept; that is why ReLU gets away with it. Clipped at height $m$, with $b = \tau + m$,
#
# $$\sigma_w^2 = \frac{1}{\Phi(b) - \Phi(\tau)}, \qquad V'(1) = 1 - \frac{m\, p(b)}{\Phi(b) - \Phi(\tau)} < 1.$$
#
# **Why not clip very low?** Because angles pay. Where two inputs differ a little, what counts is how
# many neurons lie at a kink, and a low clip brings its own kink close to where the neurons are: two pictures
# become one sooner. That is why the best m is neither large nor small.
#
# **And training?** A network of 50 layers and 256 neurons on digits, 85 % zeros, with and without the clip. (One
# detail that is easy to miss: the first layer sees pictures, not φ. They are scaled to the mean square E[φ²], else
# the length begins at σ_w² = 6.7 and not at 1.)


# %%
def network(m, **changes):
    edge = sparse_edge("shifted_relu", 0.85, m)
    return edge_of_chaos.Config(
        activation=edge.activation, tau=edge.tau, clip=1.0 if math.isinf(m) else m, sigma_w=edge.sigma_w,
        sigma_b=edge.sigma_b, input_length=edge.mean_square, depth=50, width=256, optimizer="adamw",
        learning_rate=1e-4, batch=64, **changes,
    )  # fmt: skip


free = run(network(math.inf).replace(optimizer="sgd"), steps=STEPS, every=10, progress=False)
held = run(network(1.0), steps=STEPS, every=STEPS // 8, progress=False)
print(f"no clip:  loss {free['train_loss'][0]:.1g} before the first step;", *free.notes)
print(f"clipped:  test accuracy {held['test_accuracy'][-1]:.2f} after {STEPS} steps, guessing is .10")
held.figure(pictures=["accuracy", "loss", "length", "gradient"], columns=2)


# %% [markdown]
# (Without the clip, plain SGD breaks with its first step. AdamW, whose steps are bounded, does not: it brings
# the loss down from 10⁹ and stays at guessing, in three draws, 120 steps each.)
#
# How silent is the one that learns, before and after?


# %%
import torch


def zeros(config, state=None):
    experiment = config.experiment(config, torch.device("cpu"))
    if state is not None:
        experiment.load(state)
    values = experiment.nets.activations(experiment.runs.learnt.x[:64])
    return np.mean([float((v == 0).double().mean()) for name, v in values.items() if name.startswith("hid")])


before, after = zeros(network(1.0)), zeros(network(1.0), held.state)
print(f"share of zeros: {before:.3f} at the start, {after:.3f} after training")

# %%
# NBVAL_CHECK_OUTPUT
print("without a clip it diverged:", any("diverged" in note for note in free.notes))
print("clipped, it learns:        ", held["train_loss"][-1] < 0.95 * math.log(10))
print(f"silent at the start: {before:.2f}")

# %% [markdown]
# **Where the explanation ends.** It learns, but slowly: after 1 000 steps it is right in .62 of the test, dense
# ReLU of the same shape in .94. Theory knows no reason: regression with the kernel of infinitely wide layers is
# right in .98 with either. But of 256 neurons 38 speak, and fifty layers of so few lose what the pictures show:
# before training, a linear readout of layer 10 is right in .43 of the test (dense ReLU: .82). More steps, orthogonal
# weights and shifted pictures do not help. Width does, in part: of 1 024 neurons 150 speak, and after 2 000 steps
# with a falling rate both know the training set, and are right in .92 and .98 of the test (so the claim that
# one trains nearly as well as the other is met for training alone, see the ledger). Count the neurons that speak.
#
# ## 7 · Try it
# **A.** Write `biases(tau)`: the σ_b of shifted ReLU (no clip) that keeps length 1 at χ⊥ = 1. A grid over z or
# many draws will do for the average.


# %% tags=["exercise"]
def biases(tau): ...


exercises.check("edge_of_chaos-05-biases", biases)


# %% jupyter={"source_hidden": true} tags=["solution"]
def biases(tau):
    z = np.linspace(-10, 10, 100_001)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    sigma_w2 = 1 / weight[z > tau].sum()
    return math.sqrt(1 - sigma_w2 * (weight * np.maximum(z - tau, 0) ** 2).sum())


exercises.check("edge_of_chaos-05-biases", biases)

# %% [markdown]
# **B.** Soft threshold is silent between −τ and τ. Give a `sparse.Config` of a clipped one with **90 %** zeros
# whose pull is $V'(1)$ between .5 and .6.


# %% tags=["exercise"]
held_back = ...

exercises.check("edge_of_chaos-05-clip", held_back)


# %% jupyter={"source_hidden": true} tags=["solution"]
held_back = sparse.Config(activation="soft_threshold", tau=1.645, clipped=True, m=0.7)

exercises.check("edge_of_chaos-05-clip", held_back)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
free_edge, clipped_edge = sparse_edge("shifted_relu", 0.85), sparse_edge("shifted_relu", 0.85, 1.0)
assert abs(free_edge.slope - 1) < 1e-12 and abs(free_edge.bend - 0.806) < 1e-3
assert abs(clipped_edge.slope - 0.612) < 1e-3
assert left[math.inf] > 0.5 and left[1.0] == left[0.5] == 0 and left[3.0] > left[1.5]
assert list(left.values()) == sorted(left.values())  # the lower the clip, the fewer leave
assert free["train_loss"][0] > 1e6 and any("diverged" in note for note in free.notes) and not held.notes
assert held["train_loss"][-1] < 0.95 * math.log(10)
assert abs(before - 0.85) < 0.02
if not FAST:  # needs more time
    assert leave(math.inf, width=4096, networks=50) > 0.05  # width delays, no more
    assert held["test_accuracy"][-1] > 0.4 and after > 0.75
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Price, Daultry Ball, Lam, Jones, Tanner, *Deep neural network initialization with sparsity inducing
#   activations* (2024), [arXiv 2402.16184](https://arxiv.org/abs/2402.16184): that shifted ReLU and soft threshold
#   fail, why, and the clip. The pull V′(1) of the clipped ones was worked out for this page and is tested by quadrature.
# - Poole et al. (2016), [arXiv 1606.05340](https://arxiv.org/abs/1606.05340): length and correlation maps.
#
# Back: [which activation at the edge?](04_which_activation_at_the_edge.ipynb) · [all labs](../00_start.ipynb).
