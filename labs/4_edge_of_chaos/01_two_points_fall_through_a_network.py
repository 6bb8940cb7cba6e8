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
# # 4.1 Two points fall through a network
# *Lab 4, The edge of chaos · page 1 of 5 · about 20 minutes*
#
# ## 1 · The question
# Two different inputs enter a deep network with random weights. Can its last layer still tell them apart?
#
# Nothing is trained on this page. Two numbers say all: the *length* $q$ of a signal (the mean square of a
# layer's pre-activations) and the *correlation* $c$ of two signals. This is the picture you will get:

# %%
import numpy as np

from labkit import exercises, live, pages, panels
from labkit.experiments import propagation

config = propagation.Config()  # tanh, σ_w = 1.8, σ_b = .2
panels.explore_figure(propagation.fall(config))

# %% [markdown]
# A dot is one layer of a random network with 200 neurons: across, what goes in; upwards, what comes out. The
# staircase is an infinitely wide network.
#
# ## 2 · Predict
# Weights have the deviation $\sigma_w/\sqrt{N}$. Before you move that slider:
#
# 1. With small weights ($\sigma_w = .9$): do two inputs become equal, opposite, or unrelated?
# 2. With large weights ($\sigma_w = 3$)? tanh is bounded, so the length cannot explode.
# 3. Draw another random network of the same width. How different will it look: hardly, or beyond
#    recognition? And with 4000 neurons?

# %% [markdown]
# ## 3 · Play
# - Drag **σ_w** slowly from .9 to 3 and watch where the curve $R(c)$ leaves the corner $(1, 1)$.
# - Put the inputs close together (**c at the start** .99) at σ_w = .9, 1.3 and 3.
# - Move **draw**: each number is a new network. Then raise **width**.
# - Change the **activation** to ReLU with σ_b = 0, and find the σ_w that keeps the length.

# %%
live.explore(propagation.fall, config, title="Two points fall through a network")

# %% [markdown]
# ## 4 · Look
# - **Length forgets first.** From any start it settles within a few layers at $q^*$, where $V(q)$ crosses the
#   diagonal.
# - **Correlation decides.** At σ_w = .9 the only crossing is $c = 1$: all inputs end as one. At σ_w = 1.8 two
#   inputs end at $c^* = .21$, *whatever they were*: near ones are torn apart, far ones drawn together. Both
#   forget the input.
# - **In between there is an edge.** At σ_w = 1.3041 the curve touches the diagonal at $c = 1$, and the stairs
#   become endless.
# - **A network is a noisy theory.** With 200 neurons it wanders by .1; with 4096 by about .02. The noise falls as
#   one over the root of the width.

# %%
three = [config.replace(sigma_w=value, depth=40) for value in (0.9, 1.3041, 3.0)]
panels.explore_figure([propagation.fall(one)[1] for one in three])

# %%
# NBVAL_CHECK_OUTPUT
for value in (0.9, 1.3041, 1.8, 3.0):
    end = propagation.infinite(config.replace(sigma_w=value, depth=100))
    print(f"σ_w = {value:6}: length ends at {end.length[-1]:.2f}, correlation at {end.correlation[-1]:.2f}")

# %% [markdown]
# ## 5 · Open the box
# How can a slider draw a new network of 4000 neurons and a hundred layers at once? Given the values of one
# layer, the pre-activations of the next are Gaussian, neuron by neuron independent. So it is enough to draw
# *two* numbers a neuron, with the right covariance. No weight is ever drawn, and the law is exactly the same:

# %%
print(pages.source(propagation.layers))

# %% [markdown]
# ## 6 · Explain
# In layer $l$, neuron $i$ has $z_i = \sum_j W_{ij}\,\varphi(z_j^{\text{below}}) + b_i$: a sum of many independent
# terms, so Gaussian. Its variance is the same for all neurons, and follows from the one below:
#
# $$q \mapsto V(q) = \sigma_b^2 + \sigma_w^2\, E\,\varphi(\sqrt q\, z)^2.$$
#
# For two inputs, $u_1$ and $u_2$ have variance $q^*$ and correlation $c$, and
#
# $$c \mapsto R(c) = \frac{\sigma_b^2 + \sigma_w^2\, E\,\varphi(u_1)\varphi(u_2)}{q^*}, \qquad
# R(1) = 1, \qquad R'(1) = \chi_\perp = \sigma_w^2\, E\,\varphi'(\sqrt{q^*} z)^2 .$$
#
# So $c = 1$ is always a fixed point. It attracts when $\chi_\perp < 1$ (*ordered*), repels when
# $\chi_\perp > 1$ (*chaotic*); the *edge of chaos* is $\chi_\perp = 1$. The same $\chi_\perp$ is the factor by
# which the square of a gradient grows from layer to layer: page 4.2.
#
# The explanation ends where layers are narrow: its noise adds up over layers, so what counts is depth over width.
#
# ## 7 · Try it
# **A.** Write `fixed(V, q)`: where a length ends that starts at `q` and goes through the map `V` in every
# layer. If it grows for ever, that is `inf`.


# %% tags=["exercise"]
def fixed(V, q): ...


exercises.check("edge_of_chaos-01-fixed", fixed)


# %% jupyter={"source_hidden": true} tags=["solution"]
def fixed(V, q):
    while q < 1e9:
        before, q = q, V(q)
        if abs(q - before) < 1e-9 * q:
            return q
    return float("inf")


exercises.check("edge_of_chaos-01-fixed", fixed)

# %% [markdown]
# **B.** Find a `sigma_w` for which two inputs end at correlation one half. Everything else stays.

# %% tags=["exercise"]
answer = propagation.Config()

exercises.check("edge_of_chaos-01-half", answer)

# %% jupyter={"source_hidden": true} tags=["solution"]
answer = propagation.Config(sigma_w=1.5)

exercises.check("edge_of_chaos-01-half", answer)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
theory = propagation.infinite(config)


def distance(width):
    """How far from theory the correlations of 20 networks are, in the mean."""
    nets = [propagation.finite(config.replace(width=width, draw=draw)).correlation for draw in range(20)]
    return np.abs(np.array(nets) - theory.correlation).mean()


far, middle, near = distance(64), distance(512), distance(4096)
assert 1.8 < far / middle < 5 and 1.8 < middle / near < 5  # about √8 each
assert near < 0.05  # wide networks obey
assert abs(propagation.settled(config) - 1.5924) < 1e-3  # the length that every start reaches
long = config.replace(depth=100)
ends = [propagation.infinite(long.replace(correlation=c)).correlation[-1] for c in (-0.5, 0.1, 0.99)]
assert max(ends) - min(ends) < 1e-3  # whatever they were
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli, *Exponential expressivity in deep neural networks through
#   transient chaos* (2016), [arXiv 1606.05340](https://arxiv.org/abs/1606.05340): both maps and their phases.
# - Schoenholz, Gilmer, Ganguli, Sohl-Dickstein, *Deep information propagation* (2017),
#   [arXiv 1611.01232](https://arxiv.org/abs/1611.01232): how many layers a difference lives.
#
# Next: [the phase diagram](02_the_phase_diagram.ipynb) · [all labs](../00_start.ipynb).
