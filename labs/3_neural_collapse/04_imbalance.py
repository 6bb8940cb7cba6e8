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
# # 3.4 Imbalance
# *Lab 3, Neural collapse · page 4 of 4 · about 25 minutes*
#
# ## 1 · The question
# When some classes are rare, what becomes of the simplex, and can a class get lost altogether?
#
# Free features as on page 3.3, with 200, 100, 50 and 50 samples a class, and a head of $M$ linear layers. Everything
# dashed is a formula; the rest was trained. This is the picture you will get (three layers):

# %%
from dataclasses import replace

import numpy as np

from labkit import exercises, live, pages, run
from labkit.experiments import imbalance, unconstrained
from labkit.panels import explore_figure
from labkit.theory.unconstrained import imbalanced_linear, thresholds

config = imbalance.Config.preset("three layers")
*_, pictures = imbalance.imbalance(config)
explore_figure(pictures, columns=2)

# %% [markdown]
# ## 2 · Predict
# 1. Whose features are longer: those of the frequent class or of the rare one? And whose row of the classifier?
# 2. Raise the pull λ slowly. Do all classes fade together?
# 3. Lower it again. Does what was lost come back?

# %% [markdown]
# ## 3 · Play
# Theory answers at once; then descent runs at your λ, then λ goes up and down once for the smallest class.
#
# - Drag **n₁** from 200 to 500, then **n₄** down to 10. Watch *Frame*.
# - **depth M** 1, 2, 3: look at *Smallest class: λ up and down*. When do the two ways part?
# - Drag **λ** past the drop of each class.

# %%
live.explore(imbalance.imbalance, config, title="Imbalance")

# %% [markdown]
# ## 4 · Look

# %%
# NBVAL_CHECK_OUTPUT
ends = {}
for depth in (1, 3):
    free = unconstrained.Config(depth=depth, samples=False, learning_rate=1.0)  # λ = 5e-4
    ends[depth] = run(free, 1200, every=1200, progress=False)
    known = free.minimum()
    print(f"M = {depth}, trained (theory)")
    for name, wanted in (("weight", known.w_ratio), ("feature", known.h_ratio), ("logit", known.logit)):
        values = np.array([ends[depth][f"{name}_{k}"][-1] for k in (1, 2, 3)])
        values = values if name == "logit" else values / values[0]
        print(f"  {name:8}", "  ".join(f"{v:.3f} ({t:.3f})" for v, t in zip(values, wanted, strict=False)))

# %% [markdown]
# - **No simplex any more.** Classes stay orthogonal, with lengths of their own: a *general orthogonal frame*. A rare class has a
#   short row and long features.
# - **Rare classes die first**, each at a λ of its own.
# - **With one layer a class fades** and returns the way it went. **With three it falls off a cliff**, late, and does not come back:
#   at λ = .001 the class is still dead, where theory gives it a logit of .98.

# %%
# NBVAL_CHECK_OUTPUT
frames = {
    1: unconstrained.up_and_down(
        unconstrained.Config(depth=1, learning_rate=3.0), [0.01, 0.014, 0.017, 0.0184], steps=400
    ),
    3: unconstrained.up_and_down(
        unconstrained.Config(depth=3, learning_rate=1.0), [0.001, 0.009, 0.0125, 0.0175, 0.0186], steps=400
    ),
}
for depth, frame in frames.items():
    way = frame[frame["class"] == 4].set_index(["direction", "lambda"])["logit"].abs()
    for direction in ("up", "down"):
        print(
            f"M = {depth}, {direction:4}:", ", ".join(f"{at:g} → {v:.3f}" for at, v in way[direction].items())
        )

# %%
*_, (*_, one, _) = imbalance.imbalance(imbalance.Config.preset("one layer"))
explore_figure([replace(one, title="M = 1"), replace(pictures[2], title="M = 3")])

# %% [markdown]
# (On the way back one layer is late near its threshold: from next to nothing a class needs time to grow, the more the nearer
# it is. Given more steps it is there.)
#
# ## 5 · Open the box
# The ways up and down are this loop, with λ moved and training going on from where it stands:

# %%
print(pages.source(unconstrained.followed), "\n")
print(pages.source(imbalance.way))

# %% [markdown]
# ## 6 · Explain
# Classes decouple. Let $s$ be the strength of class $k$ in each of the $M$ layers, and $x = s^2/(N\lambda_H)^{1/M}$. Then
# its share of the loss is
#
# $$\frac{n_k}{2N}\Big[\frac1{x^M+1} + \frac{b}{n_k}\,x\Big], \qquad b = MN\,(N\lambda_W^M\lambda_H)^{1/M},$$
#
# an error that falls with $x$, and a pull that grows with it. It is stationary where
#
# $$\frac{b}{n_k} = \frac{M\,x^{M-1}}{(x^M+1)^2}.$$
#
# **One layer.** The right side falls from 1 at $x=0$. So $x$ goes to zero continuously, when $n_k = N^2\lambda_W\lambda_H$: for
# λ_W = λ_H at $\lambda = \sqrt{n_k}/N$. Lengths: $\lVert w_k\rVert^2/\lVert h_k\rVert^2 = n_k\lambda_H/\lambda_W$.
#
# **Two or more.** The right side begins at 0, rises, and falls: two solutions, the larger a minimum, the smaller a barrier. And
# $x=0$ is a minimum too, always. Three things happen as λ rises: first the two minima cost the same (theory jumps), later the one
# besides zero vanishes (training falls), and on the way back nothing pushes training over the barrier:

# %%
# NBVAL_CHECK_OUTPUT
for depth in (1, 2, 3):
    equal, vanish = (each[-1] for each in thresholds((200, 100, 50, 50), depth))
    print(f"M = {depth}: zero is the cheapest from λ = {equal:.5f}, and the only minimum from {vanish:.5f}")

# %% [markdown]
# That is a first-order transition with hysteresis, as when water is cooled below freezing and stays water. The published
# code takes the largest root wherever there is one, and has no zero; at its λ = 5e-4 that makes no difference.
#
# **Cross-entropy: minority collapse.** With the squared error rare rows go to zero, each on its own. Under cross-entropy Fang et
# al. found another end: rare rows keep a length and become *parallel*, so that rare classes cannot be told from each other.
# No closed form here; two classes of 500, two rare ones, trained:

# %%
# NBVAL_CHECK_OUTPUT
parallel = {}
free = unconstrained.Config(
    loss="cross_entropy", samples=False, lambda_w=0.02, lambda_h=8e-5, learning_rate=1.0
)
for rare in (500, 50, 5, 1):
    counts = {"count_1": 500, "count_2": 500, "count_3": rare, "count_4": rare}
    parallel[rare] = run(free.replace(**counts), 2000, every=2000, progress=False)
    print(f"{500 // rare:3} times rarer: cos of rare rows {parallel[rare]['minority_cosine'][-1]:5.2f}")

# %% [markdown]
# Where the explanation ends: features of real networks are not free. What becomes of a rare class there is another question
# (3.1 with *imbalance* 50 is a start).
#
# ## 7 · Try it
# **A.** Write `dies(counts)`: for one layer and λ_W = λ_H = λ, the λ at which each class dies.


# %% tags=["exercise"]
def dies(counts): ...


exercises.check("neural_collapse-04-dies", dies)


# %% jupyter={"source_hidden": true} tags=["solution"]
def dies(counts):
    return np.sqrt(counts) / np.sum(counts)


exercises.check("neural_collapse-04-dies", dies)

# %% [markdown]
# **B.** Two layers, counts 300, 60, 20, 20. Give a λ at which the smallest classes, coming from a small λ, still live,
# although zero would cost them less.


# %% tags=["exercise"]
between = ...

exercises.check("neural_collapse-04-between", between)


# %% jupyter={"source_hidden": true} tags=["solution"]
equal, vanish = (each[-1] for each in thresholds((300, 60, 20, 20), 2))
between = (equal + vanish) / 2

exercises.check("neural_collapse-04-between", between)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
for end in ends.values():
    for name in ("logit", "weight", "feature"):
        for k in (1, 2, 3, 4):
            assert abs(end[f"{name}_{k}"][-1] / end[f"predicted_{name}_{k}"][-1] - 1) < 0.01
    assert end["weight_4"][-1] < end["weight_1"][-1] and end["feature_4"][-1] > end["feature_1"][-1]
    assert end["frame_weights"][-1] < 0.01 and end["etf_means"][-1] > 0.05  # the frame, and no simplex
logit = {
    depth: frame[frame["class"] == 4].set_index(["direction", "lambda"])["logit"].abs()
    for depth, frame in frames.items()
}
assert abs(logit[1]["up", 0.017] - 0.0383) < 1e-3 > logit[1]["up", 0.0184]
assert abs(logit[1]["down", 0.01] - logit[1]["up", 0.01]) < 0.01  # it returns
assert abs(logit[3]["up", 0.0175] - 0.4366) < 5e-3 and logit[3]["up", 0.0186] < 1e-3
assert logit[3]["down", 0.001] < 1e-3 and imbalanced_linear((200, 100, 50, 50), 3, 1e-3, 1e-3).logit[3] > 0.97
assert parallel[1]["minority_cosine"][-1] > 0.99 and parallel[1]["weight_4"][-1] > 0.5  # parallel, not zero
assert parallel[500]["minority_cosine"][-1] < -0.33 < 0 < parallel[50]["minority_cosine"][-1] < 0.3
trained = next(line for line in pictures[1].lines if line.label == "‖w‖², trained")
theory = next(line for line in pictures[1].lines if line.label == "‖w‖², theory")
assert np.allclose(trained.y, theory.y, atol=0.01)
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Dang et al., *Neural collapse in deep linear networks* (2023),
#   [arXiv 2301.00437](https://arxiv.org/abs/2301.00437): the general orthogonal frame. Zero, the two thresholds and the hysteresis
#   were worked out for this page and are in the ledger.
# - Fang, He, Long, Su, *Exploring deep neural networks via layer-peeled model* (2021),
#   [arXiv 2101.12699](https://arxiv.org/abs/2101.12699): minority collapse.
#
# Back: [the theory of free features](03_the_unconstrained_features_theory.ipynb) · [all labs](../00_start.ipynb).
