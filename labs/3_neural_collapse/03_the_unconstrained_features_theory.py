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
# # 3.3 The theory of free features
# *Lab 3, Neural collapse · page 3 of 4 · about 20 minutes*
#
# ## 1 · The question
# If features could be anything at all, where would the loss put them?
#
# Throw the network away. Keep the last layer, and let every sample choose its features freely: they are learnt like
# weights. A slow, deep network should come close to that. Here the minimum is known in closed form (dashed), and
# descent (drawn through) ends on it:

# %%
import numpy as np

from labkit import exercises, live, pages, run
from labkit.experiments import unconstrained
from labkit.panels import explore_figure
from labkit.pictures import Line, Lines
from labkit.theory.unconstrained import balanced, collapse_flow

config = unconstrained.Config.preset("balanced", learning_rate=2.0)  # four classes of 100 samples
history = run(config, steps=300, every=5, progress=False)
history.figure(pictures=["logit", "feature", "collapse"])

# %% [markdown]
# ## 2 · Predict
# The loss is $\frac1{2N}\lVert WH-Y\rVert^2 + \frac{\lambda_W}2\lVert W\rVert^2 + \frac{\lambda_H}2\lVert H\rVert^2$.
#
# 1. Pull ten times harder at $W$ alone ($\lambda_W$): do the features get longer or shorter?
# 2. Pull harder and harder at both. Do the features shrink for ever, or is there an end?
# 3. Two samples of one class: why should they end at the same point, if each is free?

# %% [markdown]
# ## 3 · Play
# Dashed lines jump the moment a slider moves; they are a formula. The others are trained, and follow.
#
# - **Play**, wait for *within 1 % of the minimum*. Then move **λ_W** to 5e-3, and **λ_H** to 5e-3.
# - **both λ ×** to 10, 30, 45, 60, and back to 1.
# - Choose **cross entropy** as loss: theory falls silent. Which of the curves still look the same?

# %%
live.panel(config)

# %% [markdown]
# ## 4 · Look

# %%
# NBVAL_CHECK_OUTPUT
settings = [{}, {"lambda_w": 5e-3}, {"lambda_h": 5e-3}, {"factor": 30.0}, {"factor": 60.0}]
ends = [run(config.replace(**one), 600, every=600, progress=False) for one in settings]
print("                     trained: logit, ‖w‖², ‖h‖²     theory")
for one, end in zip(settings, ends, strict=True):
    values = [abs(end[f"{name}_1"][-1]) for name in ("logit", "weight", "feature")]
    wanted = [end[f"predicted_{name}_1"][-1] for name in ("logit", "weight", "feature")]
    print(f"{one!s:20}", *(f"{value:8.3f}" for value in values), "  ", *(f"{value:8.3f}" for value in wanted))

# %% [markdown]
# - **λ_W and λ_H trade lengths**: pull at the rows and the features grow. The logit knows their product only.
# - **There is an end.** With both λ fifty times as large the logit reaches 0; beyond that everything stays there.
# - **Samples of a class meet** (*tr Σ_W / tr Σ_B* falls without a floor), the classes are orthogonal, and seen
#   from their mean they are a simplex.
#
# ## 5 · Open the box
# The closed form is five lines. λ here are those of the sliders; the paper's are $\lambda_W' = K\lambda_W$ and
# $\lambda_H' = Kn\lambda_H$:

# %%
print(pages.source(balanced))

# %% [markdown]
# ## 6 · Explain
# *One class, one sample.* Let $w$ and $h$ be parallel, their product $p$. The data want $p=1$. For a given $p$ the cheapest
# pulls share the work, and together cost $c\,p$ (in units of the class's share of the loss), where
#
# $$c = \sqrt{\lambda_W'\lambda_H'} = K\sqrt{n\lambda_W\lambda_H}.$$
#
# What is left is $\frac12(1-p)^2 + c\,p$, smallest at
#
# $$p = 1-c, \qquad \lVert h\rVert^2 = \rho = (1-c)\sqrt{\lambda_W'/\lambda_H'}, \qquad w = \sqrt{\lambda_H'/\lambda_W'}\;h .$$
#
# For $c \ge 1$ the minimum is at $p=0$: the pull has won. That row and features are parallel is NC3; that nothing else about $h$
# enters, so that all samples of a class agree, is NC1.
#
# *Several classes.* Every other logit should be 0, so rows and features of different classes are orthogonal. Take the mean off
# $K$ orthogonal vectors of one length, and a simplex is left: NC2.
#
# *And on the way.* Tirer, Huang and Niles-Weed let $W$ follow at once, and the features flow: $\dot H = -N\,\nabla \min_W L$. Then
# $\mathrm{tr}\,\Sigma_W/\mathrm{tr}\,\Sigma_B$ falls *at every moment*, from any start; so do the scaled spread
# $e^{2N\lambda_H t}\,\mathrm{tr}\,\Sigma_W$, while $e^{2N\lambda_H t}\,\mathrm{tr}\,\Sigma_B$ rises:

# %%
start = 0.5 * np.random.default_rng(0).standard_normal((4, 10, 8))  # four classes of ten, eight dimensions
flow = collapse_flow(start, np.linspace(0, 10, 101), lambda_w=5e-3, lambda_h=5e-3)
columns = [
    ("quotient", "tr Σ_W / tr Σ_B"),
    ("within_scaled", "tr Σ_W, scaled"),
    ("between_scaled", "tr Σ_B, scaled"),
]
lines = [Line(getattr(flow, name), label, x=flow.times, shade=k) for k, (name, label) in enumerate(columns)]
explore_figure([Lines("flow", "Along the flow", tuple(lines), "time", yscale="log", events=False)])

# %% [markdown]
# Where the explanation ends: real features are not free, they come out of a network and hang together. That is why
# digits stop at a floor and the classifier of page 3.1 lags behind. And in networks with several nonlinear layers the simplex
# need not even be the cheapest arrangement (Súkeník et al., 2024).
#
# ## 7 · Try it
# **A.** Write `rho(K, n, lambda_w, lambda_h)`: $\lVert h\rVert^2$ at the minimum, zero phase included, for λ as on the sliders.


# %% tags=["exercise"]
def rho(K, n, lambda_w, lambda_h): ...


exercises.check("neural_collapse-03-rho", rho)


# %% jupyter={"source_hidden": true} tags=["solution"]
def rho(K, n, lambda_w, lambda_h):
    w, h = K * lambda_w, K * n * lambda_h
    return max(0, 1 - (w * h) ** 0.5) * (w / h) ** 0.5


exercises.check("neural_collapse-03-rho", rho)

# %% [markdown]
# **B.** Start from `unconstrained.Config.preset("balanced")` and choose `lambda_w` and `lambda_h` so that the logits are .5 (to
# .01) and $\lVert w\rVert^2 = 2\lVert h\rVert^2$ (to 2 %).


# %% tags=["exercise"]
answer = unconstrained.Config.preset("balanced")

exercises.check("neural_collapse-03-half", answer)


# %% jupyter={"source_hidden": true} tags=["solution"]
# ‖w‖²/‖h‖² = n λ_H/λ_W = 2, so λ_W = 50 λ_H; c = 4 √(100 · 50) λ_H = .5
answer = unconstrained.Config.preset("balanced", lambda_h=1.768e-3, lambda_w=50 * 1.768e-3)

exercises.check("neural_collapse-03-half", answer)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert "loss within 1 % of the minimum" in history.events
for end in ends[:4]:
    for name in ("logit", "weight", "feature"):
        assert abs(end[f"{name}_1"][-1] / end[f"predicted_{name}_1"][-1] - 1) < 0.01
    assert end["nc1_quotient"][-1] < 1e-4 and end["etf_means"][-1] < 0.01
assert abs(ends[4]["feature_1"][-1]) < 1e-6 and ends[4]["predicted_feature_1"][-1] == 0
assert ends[1]["feature_1"][-1] > ends[0]["feature_1"][-1] > ends[2]["feature_1"][-1]
assert np.allclose([ends[1]["logit_1"][-1]], [ends[2]["logit_1"][-1]], atol=1e-3)  # the product alone
assert abs(balanced(4, 100, 0.025, 0.025).c - 1) < 1e-12  # fifty times 5e-4
assert (np.diff(flow.quotient) < 0).all() and (np.diff(flow.within_scaled) < 0).all()
assert (np.diff(flow.between_scaled) > 0).all()
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Tirer, Bruna, *Extended unconstrained features model* (2022),
#   [arXiv 2202.08087](https://arxiv.org/abs/2202.08087): the closed form.
# - Tirer, Huang, Niles-Weed, *Perturbation analysis of neural collapse* (2023),
#   [arXiv 2206.08069](https://arxiv.org/abs/2206.08069): the flow.
# - Dang et al., *Neural collapse in deep linear networks* (2023),
#   [arXiv 2301.00437](https://arxiv.org/abs/2301.00437): the constants of the sliders.
#
# Next: [imbalance](04_imbalance.ipynb) · back: [four measures](02_four_measures_many_definitions.ipynb) ·
# [all labs](../00_start.ipynb).
