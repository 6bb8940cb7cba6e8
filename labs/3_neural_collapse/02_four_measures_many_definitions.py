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
# # 3.2 Four measures, many definitions
# *Lab 3, Neural collapse · page 2 of 4 · about 20 minutes*
#
# ## 1 · The question
# Two papers report NC1 of the same network, and one number is six times the other: who is wrong?
#
# Nobody. Four definitions go by this name. Here they are on one run, with the two families that measure the frame:

# %%
import os

import numpy as np

from labkit import exercises, live, pages, run
from labkit.experiments import neural_collapse
from labkit.measures import collapse
from labkit.panels import explore_figure
from labkit.pictures import Line, Lines

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer steps, same verdicts
STEPS = 800 if FAST else 2000
config = neural_collapse.Config(classes=6)
history = run(config, STEPS, every=40, progress=False)
history.figure(pictures=["variants", "frames", "collapse"])

# %% [markdown]
# ## 2 · Predict
# 1. Two of the four curves keep exactly the same distance. Which, and how far is it?
# 2. Can one NC1 be zero while another is large?
# 3. A third of the labels is wrong. Will those pictures be folded in as well, and what does the test say?

# %% [markdown]
# ## 3 · Play
# - Watch *One NC1, four definitions*: which curves are parallel, which meet?
# - **Label noise** to .3 while it runs, and wait. Then back to 0.
# - **Imbalance** to 50 (a new start): now classes have unlike sizes. Which of the measures suffer?

# %%
live.panel(config)

# %% [markdown]
# ## 4 · Look

# %%
names = list(collapse.VARIABILITY)
for step in (0, 200, 800):
    row = list(history.steps).index(step)
    print(f"step {step:4}", "  ".join(f"{name} {history[name][row]:.2g}" for name in names))

# %% [markdown]
# - **With and without 1/C** differ by the number of classes, here 6. The papers divide; the authors' notebook does
#   not.
# - **tr(Σ_W Σ_B†)/C and tr Σ_W / tr Σ_B differ by a factor that changes** while the network trains.
# - **CDNV** (distances of pairs) runs along with the quotient: on a simplex it is (C − 1)/(2C) of it.
# - **None of the four is about being right.** With three labels in ten drawn anew, the wrong ones are learnt and folded in,
#   NC1 falls, and the test error rises with it:

# %%
noisy = run(config.replace(label_noise=0.3), STEPS, every=40, progress=False)
noisy.figure(pictures=["error", "variants"])

# %%
# NBVAL_CHECK_OUTPUT
ratio = history["nc1_without_c"] / history["nc1_pinv"]
print("without 1/C over with it:", np.unique(ratio.round(6)))
quotient = history["nc1_quotient"] / history["nc1_pinv"]
print("quotient over pseudo-inverse changes by more than half:", quotient.max() > 1.5 * quotient.min())

# %% [markdown]
# ## 5 · Open the box
# A row of the table says who defined it. And to read all of this off a network of your own, two lines are enough:

# %%
import torch

print(pages.source(collapse.nc1_quotient), "\n")

data = neural_collapse.data_of(config)
net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 6))
loader = [(data.x[i::8], data.answer[i::8]) for i in range(8)]
optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
meter = collapse.CollapseMeter(net)  # one
for _ in range(10):
    for x, answer in loader:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x), answer).backward()
        optimiser.step()
    frame = meter(loader)  # two
frame[["step", "layer", "samples", "nc1_pinv", "nc1_quotient", "etf_means", "nearest_mean"]].tail(3).round(3)

# %% [markdown]
# (Each `meter(loader)` goes over the data once more: a third of an epoch, with NC4 twice that. `for x, answer in
# meter.batches(loader):` takes the features that training computes anyway, for a few percent; weights move meanwhile,
# so that it reads an average over the epoch, and no NC4.)
#
# ## 6 · Explain
# | name here | formula | what it sees |
# |---|---|---|
# | `nc1_pinv` | $\mathrm{tr}(\Sigma_W\Sigma_B^\dagger)/C$ | variation along the class means, each direction by its own size |
# | `nc1_without_c` | $\mathrm{tr}(\Sigma_W\Sigma_B^\dagger)$ | the same, C times |
# | `nc1_quotient` | $\mathrm{tr}\,\Sigma_W/\mathrm{tr}\,\Sigma_B$ | variation in every direction |
# | `cdnv` | mean of $(\sigma_i^2+\sigma_j^2)/(2\lVert\mu_i-\mu_j\rVert^2)$ | the same, pair by pair |
# | `equinorm_*`, `equiangular_*` | spread of lengths; mean of $\lvert\cos_{ij}+1/(C-1)\rvert$ | the shape, in two halves |
# | `etf_*` | $\lVert G/\lVert G\rVert - (I-\frac1C 11^\top)/\sqrt{C-1}\rVert$ | the shape in one number, $G$ the Gram matrix |
# | `self_duality` | $\lVert W/\lVert W\rVert-M/\lVert M\rVert\rVert^2$ | whether the last layer is the class means |
# | `self_duality_product` | $W\bar H$ in place of $G$ above | the same in weaker words: only their products count |
# | `nearest_mean` | share of unlike decisions | the first number to reach 0 |
#
# **The pseudo-inverse has a blind spot.** $\Sigma_B$ has rank $C-1$ of 128. Features that vary across the span of the
# class means are not counted; the quotient counts them. On a perfect simplex
#
# $$\frac1C \mathrm{tr}(\Sigma_W\Sigma_B^\dagger) = \frac{C-1}{C} \cdot s \cdot
# \frac{\mathrm{tr}\,\Sigma_W}{\mathrm{tr}\,\Sigma_B},$$
#
# with $s$ the share of the variation that lies in the span. So the two tell together where the variation is:

# %%
share = history["nc1_pinv"] / history["nc1_quotient"] * 6 / 5
row = list(history.steps).index(800)
line = Line(share, "share in the span, about", x=history.steps)
explore_figure([Lines("share", "Variation along the class means", (line,), ylim=(0, 1), events=False)])

# %% [markdown]
# **The two dualities** are not one either: at step 800 $W\bar H$ is nearly a simplex, as it must be once the answers are right,
# and $W$ itself is far from the class means.
#
# Where this ends: none of the numbers reaches zero in a real network; each has a floor that depends on the data,
# and "smaller is better" is no rule for test accuracy.
#
# ## 7 · Try it
# **A.** Write `nc1(features, labels)`: $\mathrm{tr}(\Sigma_W\Sigma_B^\dagger)/C$ for arrays (N, d) and (N,). Classes may have
# unlike sizes; μ_G is the plain mean of the class means.


# %% tags=["exercise"]
def nc1(features, labels): ...


exercises.check("neural_collapse-02-nc1", nc1)


# %% jupyter={"source_hidden": true} tags=["solution"]
def nc1(features, labels):
    means = np.array([features[labels == c].mean(0) for c in range(labels.max() + 1)])
    within = features - means[labels]
    between = means - means.mean(0)
    sigma_w = within.T @ within / len(features)
    sigma_b = between.T @ between / len(means)
    return np.trace(sigma_w @ np.linalg.pinv(sigma_b, rcond=1e-10)) / len(means)


exercises.check("neural_collapse-02-nc1", nc1)

# %% [markdown]
# **B.** Build features of three classes, fifty rows each (rows 0–49 are class 0, and so on), for which `nc1_pinv`
# is below 10⁻⁶ and `nc1_quotient` above 1.


# %% tags=["exercise"]
blind = ...

exercises.check("neural_collapse-02-unseen", blind)


# %% jupyter={"source_hidden": true} tags=["solution"]
blind = np.zeros((150, 3))
blind[:, :2] = np.repeat([[1, 0], [-0.5, 0.9], [-0.5, -0.9]], 50, axis=0)  # the means: in a plane
blind[:, 2] = np.tile([5, -5], 75)  # the variation: across it, and no mean moves

exercises.check("neural_collapse-02-unseen", blind)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert np.allclose(ratio, 6) and quotient.max() > 1.5 * quotient.min()
moments = collapse.class_moments(blind, np.repeat(range(3), 50))
assert collapse.nc1_pinv(moments) < 1e-6 and collapse.nc1_quotient(moments) > 1
corners = np.repeat(np.eye(6) - 1 / 6, 2, axis=0)  # a simplex ...
rows = corners + 0.1 * np.roll(corners, 4, 0) * np.tile([[1], [-1]], (6, 1))  # ... that varies in its span
perfect = collapse.class_moments(rows, np.repeat(range(6), 2))
assert abs(collapse.nc1_pinv(perfect) / collapse.nc1_quotient(perfect) - 5 / 6) < 1e-9
assert abs(collapse.cdnv(perfect) / collapse.nc1_quotient(perfect) - 5 / 12) < 1e-9
assert history["self_duality"][row] > 10 * history["self_duality_product"][row]
assert history["nearest_mean"][row] == 0 and share[row] < 1
assert noisy["nc1_pinv"][-1] < 0.1 < noisy["nc1_pinv"][0]  # falls with wrong labels as well
assert noisy["test_error"][-1] > 2 * noisy["test_error"].min()  # and the test pays
if not FAST:  # needs more time
    assert noisy["train_error"][-1] == 0 and noisy["nc1_pinv"][-1] < 0.03 and noisy["test_error"][-1] > 0.1
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Papyan, Han, Donoho (2020), [arXiv 2008.08186](https://arxiv.org/abs/2008.08186): NC1 to NC4.
# - Tirer, Huang, Niles-Weed, *Perturbation analysis of neural collapse* (2023),
#   [arXiv 2206.08069](https://arxiv.org/abs/2206.08069): the quotient.
# - Galanti, György, Hutter, *On the role of neural collapse in transfer learning* (2022),
#   [arXiv 2112.15121](https://arxiv.org/abs/2112.15121): CDNV.
# - Zhu et al., *A geometric analysis of neural collapse with unconstrained features* (2021),
#   [arXiv 2105.02375](https://arxiv.org/abs/2105.02375): distances from the simplex, duality by the product.
#
# Next: [the theory of free features](03_the_unconstrained_features_theory.ipynb) · back:
# [features fold up](01_features_fold_up.ipynb) · [all labs](../00_start.ipynb).
