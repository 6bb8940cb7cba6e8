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
# # 5.4 The failure museum
# *Lab 5, The activation zoo · page 4 of 4 · about 25 minutes*
#
# ## 1 · The question
# In how many ways can one function ruin a network, and what is the smallest change that cures each?
#
# Two trainings of one network whose biases start far below zero. From step 100 on, the second one has another
# backward pass, and nothing else. This is the picture you will get:

# %%
import os

import numpy as np

from labkit import exercises, live, pages, run
from labkit.claims.activation_zoo import spread
from labkit.experiments.activations import exhibits, museum
from labkit.nn.activations import get

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer steps, same verdicts
STEPS = 300 if FAST else 600
ill = run(museum.Config(), steps=STEPS, progress=False)
cured = run(museum.Config(), steps=STEPS, interventions=[(100, "remedy", True)], progress=False)
cured.figure(ill)

# %% [markdown]
# ## 2 · Predict
# 1. Half of the units of a ReLU network are off for every picture. Does training wake them up?
# 2. A ReLU network and a tanh network have learnt two periods of a sine. What do they say of the third?
# 3. $x\,e^x/(1+e^x)$ and $x/(1+e^{-x})$ are the same function. Can a network tell which one you typed?
# 4. A classifier is right on every training row. In low precision, does it go on learning?

# %% [markdown]
# ## 3 · Play
# One panel, seven exhibits. Press **Play**, wait until it is stuck, then tick **remedy** while it trains: the
# weights stay as they are. Untick it again.
#
# - *dying ReLU*: move **severity** to .3. From where on do units come back by themselves?
# - *saturation*: are the points in the right-hand picture where the slope is?
# - *ReLU beyond the data*, *tanh beyond the data*: what is the shape of the wrong answer?
# - *overflow*: how many rows are lost, and what does that do to the others?
# - *quantised noise*: is the failure as bad for learning as it looks?
# - *softmax collapse*: wait for the failure to reach 1 before you tick **remedy**, then look at the test.

# %%
live.panel(museum.Config())

# %% [markdown]
# ## 4 · Look
# - **Dying.** 47 % of the units are off for every row, one whole layer among them: no gradient passes it, nothing
#   changes, for ever. HeLU computes *the same* outputs, and the network learns.
# - **Saturation.** Three of four slopes are below 1 % of the largest. It learns, from what its last layer sees.
# - **Beyond the data** ReLU goes on straight, tanh stays where it was. Snake repeats itself.
# - **Overflow.** One row of a batch without a number is enough to stop its update. So every update is stopped.
# - **Quantised noise.** ReLU's gradient is more than half noise, and the network learns as well as with GELU.
# - **Collapse.** Training is right on every row and its gradient is rounded away; 1 000 steps leave the test near
#   guessing. StableMax, from the same weights, generalises.


# %%
def read(exhibit, remedy, steps, column):
    history = run(museum.Config(exhibit=exhibit, remedy=remedy), steps=steps, progress=False)
    return float(history[column][-1])


found = {("overflow", cure): read("overflow", cure, 50, "test_accuracy") for cure in (False, True)}
found |= {("saturation", cure): read("saturation", cure, 20, "failure") for cure in (False, True)}
found |= {("quantised noise", cure): read("quantised noise", cure, 0, "failure") for cure in (False, True)}
for (exhibit, cure), value in found.items():
    print(f"{exhibit:<16}{'remedy' if cure else 'ill':<8}{value:.2f}")

# %%
wave = museum.Config(exhibit="ReLU beyond the data")
beyond = [
    run(wave.replace(remedy=cure), steps=100 if FAST else 800, progress=False) for cure in (False, True)
]
beyond[1].figure(beyond[0])  # run 1: Snake; run 2: ReLU

# %%
# NBVAL_CHECK_OUTPUT
print("dead units wake up by themselves:", ill["failure"][-1] < 0.9 * ill["failure"][0])
print("with HeLU they do:               ", cured["failure"][-1] < 0.9 * cured["failure"][0])
print("naive SiLU in float16 learns:    ", found["overflow", False] > 0.5)
print("the same function, stable, does: ", found["overflow", True] > 0.5)

# %% [markdown]
# ## 5 · Open the box
# An exhibit is one row of a table: a start, and $\varphi$ or the loss, without and with the remedy. The whole
# difference between the two ways of writing SiLU:

# %%
import torch

print(pages.source(exhibits._naive_silu))
row = museum.EXHIBITS["overflow"]
z = torch.tensor([1.0, 11.0, 12.0])
print("naive :", row.ill(1.0).function(z).tolist())
print("stable:", row.cured(1.0).function(z).tolist())

# %% [markdown]
# And of ReLU and HeLU, forward and backward:

# %%
z = torch.tensor([-1.5, -0.5, 0.5])
for name in ("relu", "helu"):
    phi = get(name) if name == "relu" else get(name, alpha=exhibits.HELU_ALPHA)
    print(f"{name}: φ(z) = {phi.function(z).tolist()}, backward {phi.derivative(z).tolist()}")

# %% [markdown]
# ## 6 · Explain
# **Dying.** Backward multiplies by $\varphi'(z)$. Where $z \le 0$ for every row, ReLU gives 0 to the unit's weights
# and to all below it; so nothing moves $z$. HeLU multiplies by 1 from $z = -\alpha$ on: a gradient that is *wrong* for
# the function, and right enough to bring units back. With the paper's $\alpha = .05$ these units, 1.5 below zero,
# would stay; with $\alpha = 1$ three of five starts recover. Where no unit dies, HeLU changes nothing (within 1.3
# points of accuracy).
#
# **Beyond the data.** A ReLU network is straight outside its last kink, and a tanh network is constant: no
# training can change that (Ziyin et al. prove it). $x + \sin^2(ax)/a$ goes on wiggling. That is an *assumption*
# about the world, the right one here.
#
# **Overflow and collapse** are about numbers, not functions. float16 ends at 65 504, so $e^z$ is infinite from
# $z = 11.1$ on and $\infty/\infty$ is no number. And its steps near 1 are $2^{-11}$: once the right answer leads by 8,
# $p$ is rounded to exactly 1, and the gradient $p - 1$ of that row to exactly 0. StableMax grows like $z$ in place
# of $e^z$, so that rows take much longer to get there: long enough to generalise. (Later its $p$ is rounded, too.)
#
# **Quantised noise.** Round $z$ to a grid of step $\Delta$. At $z = 0$ ReLU's slope becomes a coin, deviation
# $\tfrac12$; a smooth $\varphi$ only errs by $\varphi''(0)\,\Delta/\sqrt{12}$. Their ratio is
#
# $$\frac{\sqrt 3}{\varphi''(0)\,\Delta}, \qquad \varphi''_{GELU}(0) = \sqrt{2/\pi}, \quad \varphi''_{SiLU}(0) = \tfrac12 .$$

# %%
for name, bend in (("gelu", np.sqrt(2 / np.pi)), ("silu", 0.5)):
    for step in (0.1, 0.5):
        measured = spread("relu", step) / spread(name, step)
        print(
            f"{name}, Δ = {step}: {measured:5.1f} times, the formula says {np.sqrt(3) / (bend * step):5.1f}"
        )

# %% [markdown]
# Where the explanation ends: that is *near* 0. Most $z$ of a network are elsewhere, and over all of them ReLU is
# only 2.5 times as noisy at $\Delta = .5$; training averages the rest away. A spectacular ratio, a small effect.
#
# ## 7 · Try it
# **A.** Write `alive(z, alpha)`: the share of units (columns of `z`, an array (rows, units)) that get a gradient
# under HeLU: those with $z > -\alpha$ for at least one row.


# %% tags=["exercise"]
def alive(z, alpha): ...


exercises.check("activation_zoo-04-alive", alive)


# %% jupyter={"source_hidden": true} tags=["solution"]
def alive(z, alpha):
    return (z > -alpha).any(0).mean()


exercises.check("activation_zoo-04-alive", alive)

# %% [markdown]
# **B.** From which $z$ on is $e^z$ infinite in float16? (To one part in a thousand.)

# %% tags=["exercise"]
too_large = ...

exercises.check("activation_zoo-04-overflow", too_large)

# %% jupyter={"source_hidden": true} tags=["solution"]
too_large = np.log(torch.finfo(torch.float16).max)

exercises.check("activation_zoo-04-overflow", too_large)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert abs(ill["failure"][0] - 0.47) < 0.02 and ill["failure"][-1] == ill["failure"][0]
assert ill["test_accuracy"][-1] < 0.15 and cured["failure"][-1] < 0.4
assert get("helu", alpha=1.0).function(z).equal(get("relu").function(z))
assert found["saturation", False] > 0.7 and found["saturation", True] < 0.05
assert found["overflow", False] < 0.2 and found["overflow", True] > 0.85
assert found["quantised noise", False] > 0.5 and found["quantised noise", True] < 0.3
assert abs(spread("relu", 0.1) / spread("gelu", 0.1) / 21.7 - 1) < 0.01
assert torch.tensor(11.0).half().exp().isfinite() and torch.tensor(11.1).half().exp().isinf()
if not FAST:  # needs more steps
    assert cured["test_accuracy"][-1] > 0.9
    tanh = read("tanh beyond the data", False, 1000, "failure")
    assert min(tanh, beyond[0]["failure"][-1]) > 3 * beyond[1]["failure"][-1]
    collapsed = read("softmax collapse", False, 1000, "test_accuracy")
    stable = read("softmax collapse", True, 1000, "test_accuracy")
    assert collapsed < 0.3 and stable > 0.6
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Kimhi, Kashani, Mendelson, Baskin, *Hysteresis activation function* (2024),
#   [arXiv 2411.10573](https://arxiv.org/abs/2411.10573): HeLU.
# - Ziyin, Hartwig, Ueda, *Neural networks fail to learn periodic functions and how to fix it* (2020),
#   [arXiv 2006.08195](https://arxiv.org/abs/2006.08195): what comes after the data; Snake, and a from 5 to 50.
# - Prieto, Barsbey, Mediano, Birdal, *Grokking at the edge of numerical stability* (2025),
#   [arXiv 2501.04697](https://arxiv.org/abs/2501.04697): softmax collapse and StableMax; there in float32 and with
#   p = 113, here in float16 and with p = 31, so that it comes at once.
#
# Back: [learn the shape](03_learn_the_shape.ipynb) · [all labs](../00_start.ipynb).
