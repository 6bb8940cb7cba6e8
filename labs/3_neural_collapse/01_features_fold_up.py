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
# # 3.1 Features fold up
# *Lab 3, Neural collapse · page 1 of 4 · about 20 minutes*
#
# ## 1 · The question
# A network tells four digits apart without an error: what is left to learn, and where do its features go?
#
# The last hidden layer gives each picture a point in 128 dimensions, its *features*. Four class means span three
# of them, and those can be seen. This is the picture you will get:

# %%
import os

import numpy as np

from labkit import exercises, live, pages, run
from labkit.experiments import neural_collapse
from labkit.measures import collapse

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer steps, same verdicts
config = neural_collapse.Config()  # digits 0 to 3, four hidden layers of 128
steps, every = (1000, 40) if FAST else (2000, 20)
history = run(config, steps, every=every, progress=False)
history.figure(pictures=["cloud", "error", "collapse"])

# %% [markdown]
# ## 2 · Predict
# 1. After the last training error, do the features stay where they are, drift, or become more alike?
# 2. Four classes: on a square, on a line, or somewhere else?
# 3. Two zeros, drawn by two hands: how different are their features in the end?

# %% [markdown]
# ## 3 · Play
# - **Play**, and turn the cloud with the mouse. Watch for the mark *zero training error*.
# - **Reset**, with 3 classes, then with 10 (you see three of nine dimensions). How long does it take?
# - **Weight decay** to 0 and play again: what still happens, and what no longer does?
# - Preset **all four**: which of the four measures falls further than before?

# %%
live.panel(config)

# %% [markdown]
# ## 4 · Look
# The same network when its training error was first read as zero, and at the end (the picture above):

# %%
zero = history.events["zero training error"]
run(config, zero, every=every, progress=False).figure(pictures=["cloud", "layers"])

# %% [markdown]
# - **When the last error is gone, the work has hardly begun.** There are four clouds, and no tetrahedron of points.
# - **Then classes shrink to points.** By step 1000 the spread within classes (NC1) has fallen more than a hundred
#   times, by step 2000 some 1500 times.
# - **The points go to the corners of a tetrahedron**, as far from each other as four points can be.
# - **Nobody asked for it.** Not one training answer changes on the way, and hardly a test answer (one of 130
#   stays wrong).

# %%
# NBVAL_CHECK_OUTPUT
fall = history["nc1_pinv"][list(history.steps).index(zero)] / history["nc1_pinv"]
at_1000 = fall[list(history.steps).index(1000)]
print("zero training error before step 200:     ", zero < 200)
print("NC1 has fallen 100 times by step 1000:   ", at_1000 > 100)
print("nearest class mean and network disagree: ", history["nearest_mean"][-1])

# %% [markdown]
# ## 5 · Open the box
# The cloud is a rotation. Of all rotations it takes the one that brings the class means nearest to a still
# tetrahedron, so that what turns is you and not the network:

# %%
from labkit.experiments.neural_collapse_pictures import seen

print(pages.source(seen))

# %% [markdown]
# ## 6 · Explain
# Let $h_{ci}$ be the features of picture $i$ of class $c$, $\mu_c$ their mean, $\mu_G$ the mean of the means,
#
# $$\Sigma_W = \frac1N \sum_{c,i} (h_{ci}-\mu_c)(h_{ci}-\mu_c)^\top, \qquad
# \Sigma_B = \frac1C \sum_c (\mu_c-\mu_G)(\mu_c-\mu_G)^\top .$$
#
# Papyan, Han and Donoho found four things at once, in large networks on seven data sets:
#
# 1. *Variability collapse*: $\mathrm{tr}(\Sigma_W\Sigma_B^\dagger)/C \to 0$.
# 2. *Simplex*: the $\mu_c-\mu_G$ get one length, and every two the same angle, the widest possible:
#    $\cos = -1/(C-1)$.
# 3. *Self-duality*: the rows of the last layer point where the class means do.
# 4. *Nearest mean*: the network decides for the class whose mean is nearest.
#
# **Why −1/(C−1)?** $C$ unit vectors add up to something of length zero or more:
# $0 \le |\sum_c u_c|^2 = C + C(C-1)\cos$. Equality is the simplex: they add up to zero.
#
# **Why at all?** With the loss near zero, weight decay is left. It makes the network answer with the
# smallest weights that do, and those do not spend anything on differences within a class. Page 3.3 makes this exact.
#
# Where the explanation ends: this is a goal, not an arrival. Class means come within .03 of the simplex (mean
# difference of cosines); the rows of the classifier stay some .13 away. AdamW divides every gradient by its size, and
# then decay does not ask for the *shortest* weights. SGD does: with it, long momentum and smoothed labels (preset **all
# four**, 2500 steps) rows and means both come within .03 and point the same way, while NC1 ends some 250 times lower, not
# 1500. Ten digits are at zero training error at step 500 only, and .07 off at step 2000; *all four* with width 256 brings
# them within .05, but NC1 ends only 16 to 42 times lower. With cross-entropy and SGD NC1 stops near .025.
#
# ## 7 · Try it
# **A.** Write `simplex(classes)`: one row a class, of length 1, every two at $\cos = -1/(C-1)$. In any number of
# dimensions.


# %% tags=["exercise"]
def simplex(classes): ...


exercises.check("neural_collapse-01-simplex", simplex)


# %% jupyter={"source_hidden": true} tags=["solution"]
def simplex(classes):
    rows = np.eye(classes) - 1 / classes  # the corners of a cube, seen from their mean
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


exercises.check("neural_collapse-01-simplex", simplex)

# %% [markdown]
# **B.** Write `nearest(features, labels)`: for each row of `features` the class whose mean is nearest.


# %% tags=["exercise"]
def nearest(features, labels): ...


exercises.check("neural_collapse-01-nearest", nearest)


# %% jupyter={"source_hidden": true} tags=["solution"]
def nearest(features, labels):
    means = np.array([features[labels == c].mean(0) for c in range(labels.max() + 1)])
    return np.linalg.norm(features[:, None] - means, axis=2).argmin(1)


exercises.check("neural_collapse-01-nearest", nearest)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
assert zero < 200 and at_1000 > 100
assert history["train_error"][-1] == 0 == history["nearest_mean"][-1]
after = history.steps >= zero + 100
assert np.ptp(history["test_error"][after]) < 0.02  # one answer of 130, at most two
assert abs(collapse.equiangularity(simplex(5))) < 1e-9
layers = history.profiles["layers"].values[-1]
assert (np.diff(layers) < 0).all()  # NC1 falls from layer to layer
idle = run(config.replace(weight_decay=0.0), 400, every=40, progress=False)
assert idle["train_error"][-1] == 0 and idle["fallen"][-1] > 0.5  # without decay: no error, no collapse
if not FAST:  # needs more time
    assert 500 < fall[-1] < 5000
    assert history["equiangular_means"][-1] < 0.05 < 0.1 < history["equiangular_weights"][-1]
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Papyan, Han, Donoho, *Prevalence of neural collapse during the terminal phase of deep learning training* (2020),
#   [arXiv 2008.08186](https://arxiv.org/abs/2008.08186): the four observations.
# - Han, Papyan, Donoho, *Neural collapse under MSE loss* (2021),
#   [arXiv 2106.02073](https://arxiv.org/abs/2106.02073): the squared error used here.
#
# Next: [four measures, many definitions](02_four_measures_many_definitions.ipynb) · [all labs](../00_start.ipynb).
