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
# # 4.3 How deep can you train?
# *Lab 4, The edge of chaos · page 3 of 5 · about 20 minutes*
#
# ## 1 · The question
# Does a theory of random networks know how deep a network may be, so that training still works?
#
# Nine tanh networks learn handwritten digits: three depths by three starts. They differ in one number, the
# spread σ_w of their initial weights. This is the picture you will get, in more detail:

# %%
import os
import tempfile

import numpy as np

from labkit import exercises, live, pages, panels, sweep
from labkit.experiments import edge_of_chaos
from labkit.measures.trainable import trainable_depth
from labkit.panels import explore_figure
from labkit.pictures import Line, Lines
from labkit.theory.meanfield import depth_scales

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer cells, same verdicts
STEPS = 300
config = edge_of_chaos.Config(width=64, sigma_b=0.05, learning_rate=2e-3, batch=64)
kept = tempfile.mkdtemp()  # runs that are finished: what is there is not computed again
coarse = sweep(config, sigma_w=[0.7, 1.12, 3], depth=[5, 10, 28], steps=STEPS, store=kept, progress=False)
panels.phase_diagram(coarse)

# %% [markdown]
# ## 2 · Predict
# Upwards the networks get deeper, to the right their weights start larger. Before you look:
#
# 1. At depth 28 some networks stay at guessing (10 % right). Are their weights too small, too large, or both?
# 2. Is there a σ_w from which *every* depth can be trained?
# 3. The theory of page 4.1 follows two pictures through random layers, without any training. Could it know?

# %% [markdown]
# ## 3 · Play
# The diagram computes itself, all networks of one depth at once. The dashed line comes from theory alone (but
# for one constant), before anything is trained.
#
# - **Click** a cell below the line, then one above it: its run starts below. Look at *Gradient by layer*.
# - **Drag** a box over the line to look closer; *Whole plane* leads back.

# %%
diagram = live.phase_diagram(
    config,
    x=("sigma_w", [0.7, 1.12, 3] if FAST else [0.7, 0.8, 0.9, 1, 1.12, 1.3, 1.7, 2, 2.5, 3, 3.5]),
    y=("depth", [5, 10, 28] if FAST else [5, 7, 10, 14, 20, 28, 40]),
    seeds=1 if FAST else 2,
    steps=STEPS,
    store=kept,
)
diagram

# %% [markdown]
# ## 4 · Look
# The next cell waits until the diagram is full (a minute or two).

# %%
frame = diagram.result()
table = frame.pivot_table(index="depth", columns="sigma_w", values="test_accuracy", aggfunc="median")
table[::-1].round(2)

# %% [markdown]
# - **There is a tongue**, and its tip points to σ_w = 1.12. There depth 40 trains, and far more would.
# - **To the left of it** networks train worse, the deeper; at σ_w = 0.7 depth 10 is already too much.
# - **To the right**, too, but more gently: at σ_w = 3, much further from the tip, depth 14 still learns.
# - **A shallow network does not care.** At depth 5 every start learns.

# %%
# NBVAL_CHECK_OUTPUT
learns = table >= 0.5
for depth, sigma_w in [(5, 0.7), (5, 1.12), (5, 3.0), (28, 0.7), (28, 1.12), (28, 3.0)]:
    print(
        f"depth {depth:2}, σ_w {sigma_w:<4g}:", "learns" if learns.loc[depth, sigma_w] else "does not learn"
    )

# %% [markdown]
# ## 5 · Open the box
# Where a column falls through one half is its *trainable depth*:

# %%
print(pages.source(trainable_depth))

# %% [markdown]
# The line that theory draws is a multiple of one number, the depth scale ξ_c:

# %%
xi = depth_scales("tanh", table.columns.to_numpy(), config.sigma_b).xi_c.numpy()
deep = np.array([trainable_depth(table.index, column) for _, column in table.items()])
for s, x, d in zip(table.columns, xi, deep, strict=True):
    known = f"{d:4.0f} layers = {d / x:.1f} ξ_c" if np.isfinite(d) else "all that were tried"
    print(f"σ_w {s:<4g}  ξ_c {x:6.1f}   trainable: {known}")

# %% [markdown]
# ## 6 · Explain
# **Two pictures must stay two pictures.** Follow two inputs: their correlation $c_l$ runs to a fixed point
# $c^*$, and what is left of the difference shrinks as
#
# $$|c_l - c^*| \sim e^{-l/\xi_c}, \qquad \xi_c = -1 / \ln R'(c^*).$$
#
# *Left of the edge* (σ_w < 1.1225 for σ_b = .05) $c^* = 1$: all pictures become the same one. *Right of it*
# $c^* < 1$: all pairs of pictures become equally unlike. Either way, after some ξ_c the output no longer knows which
# picture came in, and gradients have nothing to hold on to. At the edge ξ_c is infinite: differences then
# die by a power law.
#
# **One constant.** Schoenholz et al. found that a multiple of ξ_c bounds training on either side; they drew
# $6\,\xi_c$ (for other widths and much longer training). Here it is fitted: one number for all columns.

# %%
bounded = np.isfinite(deep)
constant = np.exp(np.log(deep / xi)[bounded].mean())
spread = np.exp(np.abs(np.log(deep / xi / constant)[bounded]).max())
slope = np.polyfit(np.log(xi[bounded]), np.log(deep[bounded]), 1)[0]
print(f"{bounded.sum()} columns: depth = {constant:.1f} ξ_c, each within a factor {spread:.2f}")
print(f"slope of ln depth against ln ξ_c: {slope:.2f} (proportional would be 1)")
sigma = table.columns.to_numpy()
left, right = bounded & (sigma < 1.12), bounded & (sigma > 1.12)
lines = (
    Line(deep[left], "measured, left of the edge", x=sigma[left]),
    Line(deep[right], "right of it", x=sigma[right], shade=2),
    Line(constant * xi, f"{constant:.1f} ξ_c", x=sigma, shade=1, theory=True),
)
explore_figure(
    [Lines("fit", "Trainable depth", lines, "σ_w", "layers", yscale="log", ylim=(4, 100), events=False)]
)

# %% [markdown]
# Where the explanation ends: the constant is no constant of nature. It grows with the number of steps, left
# of the edge faster than right of it. There gradients *explode* as well ($\chi_\perp > 1$), so that a larger
# learning rate, good on the left, breaks networks on the right. With a rate of .003 instead of .002 the
# same fit needs 7 ξ_c on the left and 4 ξ_c on the right.
#
# ## 7 · Try it
# **A.** Write `deepest(frame, sigma_w)`: the largest depth at which the **median** over seeds of
# `test_accuracy` is at least .5, for this σ_w; NaN if there is none.


# %% tags=["exercise"]
def deepest(frame, sigma_w): ...


exercises.check("edge_of_chaos-03-deepest", deepest)


# %% jupyter={"source_hidden": true} tags=["solution"]
def deepest(frame, sigma_w):
    accuracy = frame[frame.sigma_w == sigma_w].groupby("depth").test_accuracy.median()
    return accuracy.index[accuracy >= 0.5].max()


exercises.check("edge_of_chaos-03-deepest", deepest)

# %% [markdown]
# **B.** With larger biases the tongue stands elsewhere. Give a config like this page's with `depth=40` and
# `sigma_b=0.3`, and choose `sigma_w` (and nothing else) so that it reaches half of the test within 300 steps.
# `labkit.theory.meanfield` knows where to look. The check trains it.


# %% tags=["exercise"]
deep_one = ...

exercises.check("edge_of_chaos-03-deep", deep_one)


# %% jupyter={"source_hidden": true} tags=["solution"]
from labkit.theory.meanfield import edge_of_chaos as edge

deep_one = config.replace(depth=40, sigma_b=0.3, sigma_w=edge("tanh", 0.3).sigma_w)

exercises.check("edge_of_chaos-03-deep", deep_one)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert learns.loc[5].all() and learns[1.12].all()
assert not learns.loc[28, 0.7] and not learns.loc[28, 3.0]
assert xi[list(table.columns).index(1.12)] > 100  # and at the tip nothing bounds it here
ratios = (deep / xi)[np.isfinite(deep)]
assert (ratios > 2).all() and (ratios < 10).all()
if not FAST:  # needs more columns
    assert len(ratios) >= 5 and spread < 2
    assert np.corrcoef(np.log(xi[bounded]), np.log(deep[bounded]))[0, 1] > 0.85
    assert 3.5 < constant < 7
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Schoenholz, Gilmer, Ganguli, Sohl-Dickstein, *Deep information propagation* (2017),
#   [arXiv 1611.01232](https://arxiv.org/abs/1611.01232): ξ_c, and that a multiple of it bounds training.
# - Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli, *Exponential expressivity in deep neural networks through
#   transient chaos* (2016), [arXiv 1606.05340](https://arxiv.org/abs/1606.05340): the two phases.
#
# Back: [the phase diagram](02_the_phase_diagram.ipynb) · next:
# [which activation at the edge?](04_which_activation_at_the_edge.ipynb) · [all labs](../00_start.ipynb).
