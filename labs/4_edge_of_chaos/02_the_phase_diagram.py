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
# # 4.2 The phase diagram
# *Lab 4, The edge of chaos · page 2 of 5 · about 20 minutes*
#
# ## 1 · The question
# Through how many layers does a difference between two inputs live, for every $\sigma_w$ and $\sigma_b$?
#
# Page 4.1 looked at one network at a time. Here every point of the plane is one. This is the picture you will
# get:

# %%
import numpy as np

from labkit import exercises, live, pages, panels
from labkit.experiments import propagation
from labkit.theory import meanfield

config = propagation.Config()  # tanh, σ_w = 1.8, σ_b = .2
panels.explore_figure(propagation.plane(config))

# %% [markdown]
# Colour is the logarithm of $\xi_c$: yellow means a hundred layers or more. The three pictures below show a
# circle of inputs after 1, 5 and 10 layers of a random network, each from the side where it is largest.
#
# ## 2 · Predict
# 1. Left of the dashed line, what becomes of the circle: a point, a smaller circle, a line?
# 2. Far right of it: a larger circle, a crumpled one, a cloud?
# 3. Where does the gradient reach the first layer as large as it left the last one: left, right, or on the
#    line?

# %% [markdown]
# ## 3 · Play
# - **Click** into the diagram (by keyboard: arrows, then Enter). Go left, right, and onto the line.
# - On the line, raise **depth** to 100: what does the gradient do now, and what beside the line?
# - Choose ReLU: where is its line? Then GELU, sin, softplus.

# %%
live.explore(propagation.filling_plane, config, title="The phase diagram")

# %% [markdown]
# ## 4 · Look

# %%
three = [config.replace(sigma_w=value, width=1000) for value in (0.9, 1.3041, 3.0)]
panels.explore_figure([propagation.circle(one)[2] for one in three])

# %% [markdown]
# Left to right: σ_w = .9, 1.3041, 3, all in layer 10. Mind the axes.
#
# - **Ordered: the circle becomes a point.** It keeps its shape while it shrinks: after ten layers it is a
#   sixth as large as the signal, and falls further with every layer.
# - **Chaotic: the circle is crumpled.** It stays large, but neighbours run apart, and no plane holds even a
#   third of it. Ten layers later nothing of its order is left.
# - **On the edge it stays a circle**, a little bent. That narrow yellow ridge is where depth is possible.
# - **The ridge falls off differently on its two sides.** To the left $\xi_c$ and the scale of gradients are the
#   same number; to the right they are not.

# %%
# NBVAL_CHECK_OUTPUT
for sigma_w in (0.9, 1.2, 1.3041, 1.4, 1.8, 3.0):
    found = meanfield.depth_scales("tanh", sigma_w, 0.2)
    layers, fate = min(float(found.xi_c), 9999), "vanish" if found.chi_perp < 0.999 else "explode"
    fate = "live" if abs(found.chi_perp - 1) < 1e-3 else f"{fate} by e in {float(found.gradient):.1f} layers"
    print(f"σ_w = {sigma_w:6}: ξ_c = {layers:6.1f}, squares of gradients {fate}")

# %% [markdown]
# ## 5 · Open the box
# The diagram is one call of `meanfield`, and the dashed line is where $\chi_\perp$ passes 1. For an activation that is
# new, a coarse diagram comes first: `live.explore` shows whatever a generator yields, and drops the rest when a
# slider moves.

# %%
print(pages.source(propagation.log_scale))
print(pages.source(propagation.filling_plane))

# %% [markdown]
# ## 6 · Explain
# Near its fixed point $c^*$ the correlation map is a straight line of slope $R'(c^*)$, so a difference shrinks
# by that factor in every layer:
#
# $$|c_l - c^*| \sim e^{-l/\xi_c}, \qquad \xi_c = -\frac{1}{\ln R'(c^*)} .$$
#
# On the ordered side $c^* = 1$ and $R'(1) = \chi_\perp$. On the chaotic side $c^* < 1$, and the slope there is
# another number, below 1 too. On the line it is 1 and $\xi_c$ is infinite.
#
# A gradient travels the same layers backwards. Each multiplies its square by
# $\sigma_w^2\,E\,\varphi'(\sqrt{q^*}z)^2 = \chi_\perp$: left of the line it vanishes, right of it it explodes. (This takes the weights of
# the way back as independent of those of the way forth; they are the same, and it works.)
#
# For tanh the line begins at $\sigma_w = 1$, $\sigma_b = 0$. ReLU has no line but a point,
# $\sigma_w = \sqrt2$, $\sigma_b = 0$: with a bias its length still settles left of $\sqrt2$, and right of it it
# grows for ever.
#
# ## 7 · Try it
# **A.** Write `edge(chi)`: it gets a function $\chi_\perp(\sigma_w)$ that rises, and finds the $\sigma_w$ between 0 and 10
# where it is 1, to five digits.


# %% tags=["exercise"]
def edge(chi): ...


exercises.check("edge_of_chaos-02-edge", edge)


# %% jupyter={"source_hidden": true} tags=["solution"]
def edge(chi):
    low, high = 0.0, 10.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if chi(middle) < 1 else (low, middle)
    return low


exercises.check("edge_of_chaos-02-edge", edge)

# %% [markdown]
# **B.** Find a tanh network with `sigma_b` of .5 or more in which a difference lives 100 layers ($\xi_c \ge 100$).

# %% tags=["exercise"]
answer = propagation.Config(sigma_b=0.5)

exercises.check("edge_of_chaos-02-deep", answer)

# %% jupyter={"source_hidden": true} tags=["solution"]
answer = propagation.Config(sigma_b=0.5, sigma_w=1.5497)

exercises.check("edge_of_chaos-02-deep", answer)

# %% [markdown]
# ## 8 · Check


# %%
# NBVAL_CHECK_OUTPUT
import torch


def shares(sigma_w):
    """Size of the circle against the signal's, and how much of it lies in one plane, in layer 10."""
    angle = torch.linspace(0, 6.2832, 65, dtype=torch.float64)[:-1]
    start = config.replace(sigma_w=sigma_w, width=1000, depth=10)
    *_, z = propagation.layers(start, propagation.settled(start) * torch.cos(angle[:, None] - angle))
    spread = (z - z.mean(0)).square().mean() / z.square().mean()
    power = torch.linalg.svdvals(z - z.mean(0)).square()
    return float(spread.sqrt()), float(power[:2].sum() / power.sum())


(point, _), (ring, flat), (cloud, little) = shares(0.9), shares(1.3041), shares(3.0)
assert point < 0.2 < 0.6 < ring  # ordered: nearly a point; edge: a ring
assert flat > 0.6 > 0.4 > little  # chaos: no plane holds it
deep = config.replace(depth=60, width=256)
ends = [propagation.gradients(deep.replace(sigma_w=w)).lines[0].y[0] for w in (0.9, 1.3041, 3.0)]
assert ends[0] < 1e-4 and 1e-2 < ends[1] < 1e2 and ends[2] > 1e4  # vanishes, lives, explodes
line = propagation.diagram(config).lines[0]
edges = [meanfield.edge_of_chaos("tanh", b).sigma_w for b in (0.2, 0.5, 1.0)]
assert np.allclose(np.interp([0.2, 0.5, 1.0], line.y, line.x), edges, atol=5e-3)  # the line is the edge
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Poole et al., *Exponential expressivity in deep neural networks through transient chaos* (2016),
#   [arXiv 1606.05340](https://arxiv.org/abs/1606.05340): the plane, and the circle on its way.
# - Schoenholz, Gilmer, Ganguli, Sohl-Dickstein, *Deep information propagation* (2017),
#   [arXiv 1611.01232](https://arxiv.org/abs/1611.01232): $\xi_c$ and gradients.
#
# Next: [how deep can you train?](03_how_deep_can_you_train.ipynb) Back:
# [two points fall through a network](01_two_points_fall_through_a_network.ipynb) ·
# [all labs](../00_start.ipynb).
