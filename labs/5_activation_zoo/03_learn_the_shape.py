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
# # 5.3 Learn the shape
# *Lab 5, The activation zoo · page 3 of 4 · about 20 minutes*
#
# ## 1 · The question
# Why choose an activation at all, if gradient descent could find its shape as well?
#
# One hidden neuron with a learnable slope is to become $1 - |x|$. This is the picture you will get:

# %%
import os

import numpy as np

from labkit import exercises, live, pages, run
from labkit.experiments.activations import shapes
from labkit.nn.activations.activation import Shaped

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer steps, same verdicts
STEPS = 600 if FAST else 1500
one = shapes.Config(activation="prelu", width=1, target="kink")
history = run(one, steps=1500, progress=False)
history.figure(pictures=["now", "parameters", "fit"])

# %% [markdown]
# ## 2 · Predict
# 1. PReLU has one number, the slope on the left, which starts at ¼. Where does it end, to make $1 - |x|$ with
#    one neuron?
# 2. Eight neurons, a wave. Which gains most from learning its shape: PReLU, a rational function, a spline?
# 3. Freeze the shapes. Do the weights alone catch up?

# %% [markdown]
# ## 3 · Play
# Press **Play** and watch *the shape* leave its dashed start. Every function of the zoo with learnable numbers is in
# the menu.
#
# - **Fork** at step 100 and move **shape rate** to 0 in the branch: one learns the shape, one does not.
# - Take the preset *spline*, then *Snake*: which of them changes its shape at all?
# - Set **target** to *step*: what does the rational function turn into?
# - The preset *Kolmogorov-Arnold* has no weights, a function sits on every edge.

# %%
live.panel(shapes.Config(activation="kan_bspline"))

# %% [markdown]
# ## 4 · Look
# The error after training with learnt and with frozen shapes, weights from the same start:


# %%
def error(steps=STEPS, **changes):
    seeds = (0,) if FAST else (0, 1, 2)
    runs = [run(shapes.Config(**changes, seed=s), steps=steps, progress=False) for s in seeds]
    return float(np.median([each["test_loss"][-1] for each in runs]))


members = ("kan_bspline",) if FAST else ("prelu", "snake", "pau_a", "hermite", "kan_bspline")
learnt = {name: error(activation=name) for name in members}
frozen = {name: error(activation=name, shape_rate=0.0) for name in members}
for name in members:
    print(f"{name:<12} learnt {learnt[name]:.4f}   frozen {frozen[name]:.4f}")

# %%
spline = shapes.Config(activation="kan_bspline")
runs = [run(spline.replace(shape_rate=rate), steps=300, progress=False) for rate in (1.0, 0.0)]
runs[0].figure(runs[1], pictures=["now", "phi", "loss"])

# %%
# NBVAL_CHECK_OUTPUT
slope = history["slope"][-1]
print(f"PReLU started with slope 0.25 and ends with {slope:.1f}")
print(
    "the spline learns the wave better than it could frozen:",
    learnt["kan_bspline"] < 0.2 * frozen["kan_bspline"],
)

# %% [markdown]
# - **PReLU ends at −1**: φ is |z|, and one neuron is enough.
# - **The spline gains most**: its knots bend into waves, and eight neurons do what eight SiLUs cannot.
# - **PReLU gains little on the wave**: with any slope it has one corner a neuron. Hermite gains less.
# - **The rational function** goes from .23 to .03: its ten numbers make a wiggle or two.
# - **Snake needs no learning here**: it brings the waves along.
#
# ## 5 · Open the box
# A shape is a member of the zoo as a module. Its numbers are parameters like any weight:

# %%
print(pages.source(Shaped.__init__))
print([name for name, _ in shapes.network(one).named_parameters()])

# %% [markdown]
# Edges in place of weights, as in a Kolmogorov-Arnold network:

# %%
print(pages.source(shapes.Edges.forward))

# %% [markdown]
# ## 6 · Explain
# For a parameter $\theta$ that all neurons of a layer share, the chain rule sums over all of them and all rows:
#
# $$\frac{\partial L}{\partial \theta} = \sum_{r, i} \frac{\partial L}{\partial \varphi(z_{ri})}\,
# \frac{\partial \varphi}{\partial \theta}(z_{ri}).$$
#
# So a shape of a few numbers gets a large, quiet gradient, and one of many numbers (a spline) gets a local one: a
# coefficient feels only the $z$ under its bump. Rational functions $P(x)/(1 + \sum |b_k x^k|)$ (Molina et al.) have
# no pole by construction; Hermite polynomials grow with the power of their degree beyond the data. In a
# Kolmogorov-Arnold network $y_o = \sum_i \varphi_{oi}(x_i)$ (a mean over $i$ here) the shapes are all there is.
#
# Where the explanation ends: on the kink frozen PReLU is as good with eight neurons as a learnt one. Learning the
# shape helps where the given one is wrong for the task, and costs where it is right: more parameters, slower
# steps. And a start can fail: with another seed the one neuron of the first picture never finds the corner.
#
# ## 7 · Try it
# **A.** Write `slope_gradient(x, grad)`: the gradient of the loss by the slope $s$ of
# $\varphi(x) = \max(x, 0) + s\min(x, 0)$. `x` and `grad`, the gradient by $\varphi(x)$, are arrays of one shape.


# %% tags=["exercise"]
def slope_gradient(x, grad): ...


exercises.check("activation_zoo-03-slope", slope_gradient)


# %% jupyter={"source_hidden": true} tags=["solution"]
def slope_gradient(x, grad):
    return (grad * np.minimum(x, 0)).sum()


exercises.check("activation_zoo-03-slope", slope_gradient)

# %% [markdown]
# **B.** Give a `shapes.Config` with **one** hidden neuron that learns the target 'kink' to an error of .001
# within 1 500 steps. The check trains it.

# %% tags=["exercise"]
one_neuron = ...

exercises.check("activation_zoo-03-one", one_neuron)

# %% jupyter={"source_hidden": true} tags=["solution"]
one_neuron = shapes.Config(activation="prelu", width=1, target="kink")

exercises.check("activation_zoo-03-one", one_neuron)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert abs(slope + 1) < 0.1 and history["test_loss"][-1] < 1e-3
assert learnt["kan_bspline"] < 0.2 * frozen["kan_bspline"]
if not FAST:  # needs more members and steps
    assert learnt["kan_bspline"] < 0.05 and learnt["prelu"] > 0.5 * frozen["prelu"]
    assert learnt["snake"] < 0.01 and frozen["snake"] < 0.01
    assert learnt["pau_a"] < frozen["pau_a"]
    other = run(one.replace(seed=1), steps=1500, progress=False)
    assert other["test_loss"][-1] > 0.1
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - He, Zhang, Ren, Sun, *Delving deep into rectifiers* (2015),
#   [arXiv 1502.01852](https://arxiv.org/abs/1502.01852): PReLU, from ¼.
# - Molina, Schramowski, Kersting, *Padé activation units* (2019),
#   [arXiv 1907.06732](https://arxiv.org/abs/1907.06732): rational functions without poles.
# - Liu et al., *KAN: Kolmogorov-Arnold networks* (2024), [arXiv 2404.19756](https://arxiv.org/abs/2404.19756): splines
#   on edges.
# - Ziyin, Hartwig, Ueda (2020), [arXiv 2006.08195](https://arxiv.org/abs/2006.08195): Snake.
#
# Back: [the race](02_race.ipynb) · next: [the failure museum](04_failure_museum.ipynb) · [all labs](../00_start.ipynb).
