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
# # 4.4 Which activation at the edge?
# *Lab 4, The edge of chaos · page 4 of 5 · about 25 minutes*
#
# ## 1 · The question
# Every activation can be put at its edge of chaos. Are they all the same there?
#
# At the edge two inputs still become one, only slowly. How slowly depends on the activation. This is the picture
# you will get:

# %%
import os

import numpy as np

from labkit import exercises, live, pages, panels, sweep
from labkit.experiments import edge_of_chaos, propagation
from labkit.nn.activations import ELEMENTWISE
from labkit.pictures import Line, Lines
from labkit.theory import meanfield

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: narrower nets, fewer steps, same verdicts
start = propagation.Config(correlation=0.0, width=1000)
both = [propagation.descent(start.replace(activation=name)) for name in ("relu", "tanh")]
panels.explore_figure([*both, propagation.narrow(128, nets=1000)])

# %% [markdown]
# Left and middle: $1 - c$ of two orthogonal inputs, at the edge, over a thousand layers. Right: narrow ReLU
# networks leave the theory of wide ones.
#
# ## 2 · Predict
# 1. In a hundred layers at its edge, does ReLU or tanh bring two inputs closer together?
# 2. So which of them should train better at depth 100?
# 3. Does a narrow network bring them together faster or slower than a wide one?

# %% [markdown]
# ## 3 · Play
# - Go through the **activations**: which fall like $1/l$, which like $1/l^2$, which have no edge?
# - Move **σ_b** with tanh: a small one makes a slow fall.
# - Lower **width** to 64, then 32: watch the picture on the right.

# %%
live.explore(propagation.at_the_edge, start.replace(width=128))

# %% [markdown]
# ## 4 · Look
# - **ReLU falls as $9\pi^2/2l^2$**, but only far out: at layer 100 it has .82 of that, at layer 1000 .97.
# - **tanh falls as $\beta/l$.** After a hundred layers $1 - c$ is 20 times as large as for ReLU.
# - **Narrow networks are faster.** In 100 layers of width 128 the mean of $\ln\sin^2\theta$ ends 1.3 lower than
#   infinite width says; the law of Jakub and Nica is right to .1.
#
# Now train them: digits, 100 hidden layers, five starts on a line through each edge.

# %%
factors = [0.8, 1.0, 1.2] if FAST else [0.8, 0.9, 1.0, 1.1, 1.2]
trained = {}
for name in ("relu", "tanh", "elu"):
    at = propagation.edge(name, 0.2)
    base = edge_of_chaos.Config(activation=name, depth=100, width=48 if FAST else 128, sigma_b=at.sigma_b)
    base = base.replace(learning_rate=1e-3)
    values = [factor * at.sigma_w for factor in factors]
    trained[name] = sweep(base, sigma_w=values, steps=25 if FAST else 200, progress=False)
curves = [
    [Line(frame[column], name, x=factors, shade=i) for i, (name, frame) in enumerate(trained.items())]
    for column in ("test_accuracy", "train_loss")
]
across = {"xlabel": "σ_w / σ_w at the edge", "events": False}
panels.explore_figure(
    [
        Lines("accuracy", "Test accuracy, 100 layers", tuple(curves[0]), ylim=(0, 1), **across),
        Lines("loss", "Training loss (a gap: diverged)", tuple(curves[1]), **across),
    ]
)

# %%
# NBVAL_CHECK_OUTPUT
loss = {}
for name, frame in trained.items():
    loss[name] = dict(zip(factors, frame.train_loss.fillna(np.inf), strict=True))
for name, of in loss.items():
    print(f"{name}: at the edge better than at .8 and at 1.2 of it:", of[1.0] < min(of[0.8], of[1.2]))
print("after so few steps tanh is ahead of ReLU:", loss["tanh"][1.0] < loss["relu"][1.0])

# %% [markdown]
# Twice as deep, tanh alone:

# %%
if not FAST:
    at = propagation.edge("tanh", 0.2)
    deeper = edge_of_chaos.Config(depth=200, width=128, sigma_b=0.2, learning_rate=1e-3)
    deeper = sweep(deeper, sigma_w=[f * at.sigma_w for f in (0.8, 1.0, 1.2)], steps=100, progress=False)
    for factor, loss_at in zip((0.8, 1.0, 1.2), deeper.train_loss, strict=True):
        print(
            f"200 layers, {factor:g} of the edge: training loss {loss_at:.2f} after 100 steps (2.30 is guessing)"
        )

# %% [markdown]
# (At depth 200 a hundred steps are too few even at the edge: none has begun to learn.)
#
# **Being at the edge comes first**, whatever the activation. Then the rate counts: at the same learning rate
# tanh is far ahead of ReLU, whose inputs have come together twenty times closer.
#
# ## 5 · Open the box
# The edge is a point $(\sigma_w, \sigma_b)$ with its length $q^*$; $\beta$ is one integral:

# %%
print(pages.source(meanfield.rate))
print(meanfield.edge_of_chaos("tanh", 0.2))

# %% [markdown]
# ## 6 · Explain
# Near $c = 1$ and at the edge ($R'(1) = 1$) what is left of $R$ is its bend. For a smooth $\varphi$ the bend is
# finite: $1 - c$ loses $(1-c)^2/\beta$ in a layer, so that
#
# $$1 - c_l \approx \frac{\beta}{l}, \qquad \beta = \frac{2\,E\,\varphi'(\sqrt{q}z)^2}{q\,E\,\varphi''(\sqrt{q}z)^2}.$$
#
# A kink makes the bend infinite: for ReLU $1 - R(c) = (1 - c) - \tfrac{2\sqrt2}{3\pi}(1-c)^{3/2}$, so that $1 - c_l$ falls as
# $9\pi^2/2l^2$. (Hayou et al.; they conclude: smooth activations for deep networks.)
#
# **Width.** The angle of ReLU networks of width $n$ falls by chance, too. In the mean
# $\ln\sin^2\theta$ loses $\tfrac{2}{3\pi}\theta + \rho(n)$ in a layer, with $\rho(128) = .0214$, and about $2/n$ for wide ones: exponentially, where
# infinite width says $1/l^2$. (Jakub and Nica. It is a law for $n \ge 64$; at 32 its $\rho$ is twice too large.)
#
# **Three classes.** Does the length stay at the edge, too? That asks for $\chi_\parallel = V'(q) \le 1$:

# %%
# NBVAL_CHECK_OUTPUT
classes = {}
for name in "identity relu leaky_relu abs tanh erf sin elu gelu silu softplus".split():
    classes.setdefault(meanfield.universality_class(name), []).append(name)
for kind, names in classes.items():
    print(f"{kind:>16}: {', '.join(names)}")

# %% [markdown]
# *Scale-invariant*: any length stays what it is. *K\* = 0*: at $\sigma_b = 0$ the edge is at length 0, and the
# length falls to it slowly. *Half-stable*: $\chi_\perp = \chi_\parallel = 1$ at a length above 0, which attracts from one
# side only. *None*: no edge.
#
# **A detective story.** For SiLU some public code starts networks with
# $\sigma_w^2 = C_W = 1.98800468$ and $\sigma_b^2 = C_b = .055514317$, "critical". Is it?

# %%
# NBVAL_CHECK_OUTPUT
C_W, C_b = 1.98800468, 0.055514317
found = meanfield.depth_scales("silu", C_W**0.5, C_b**0.5)
q, chi, xi = (float(value) for value in (found.q_star, found.chi_perp, found.xi_c))
print(f"length {q:.3f}, χ⊥ = {chi:.3f}, ξ_c = {xi:.1f} layers")

# %% [markdown]
# A difference lives less than two layers. One of the two constants slipped.
#
# ## 7 · Try it
# **A.** Write `layers(R, c, eps)`: after how many layers with the map `R` is `1 - c` below `eps`?


# %% tags=["exercise"]
def layers(R, c, eps): ...


exercises.check("edge_of_chaos-04-layers", layers)


# %% jupyter={"source_hidden": true} tags=["solution"]
def layers(R, c, eps):
    count = 0
    while 1 - c >= eps:
        c, count = R(c), count + 1
    return count


exercises.check("edge_of_chaos-04-layers", layers)

# %% [markdown]
# **B.** Which $C_b$ was meant? (At $\chi_\perp = \chi_\parallel = 1$, and to three digits or more. `meanfield` knows, and two more
# lines of algebra do.)

# %% tags=["exercise"]
answer = 0.055514317

exercises.check("edge_of_chaos-04-slip", answer)

# %% jupyter={"source_hidden": true} tags=["solution"]
answer = meanfield.half_stable_point("silu").c_b  # ten times as large

exercises.check("edge_of_chaos-04-slip", answer)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
layer = np.arange(1, 1001)
relu = propagation.gaps("relu", 2**0.5, 0.0, 1.0, 0.0, 1000)
share = relu * layer**2 / (4.5 * np.pi**2)
assert abs(share[99] - 0.82) < 0.01 and abs(share[999] - 0.973) < 0.005  # far out
tanh = propagation.edge("tanh", 0.2)
slow = propagation.gaps("tanh", tanh.sigma_w, 0.2, tanh.q_star, 0.0, 1000)
assert abs(slow[999] * 1000 / meanfield.rate("tanh", tanh.q_star) - 1) < 0.03  # β/l
assert 15 < slow[99] / relu[99] < 25  # "20 times"
mean, wide, law = (line.y[99] for line in propagation.narrow(128, nets=1000).lines)
assert wide - mean > 1.1 and abs(law - mean) < 0.2  # narrow networks
for name, of in loss.items():
    assert of[1.0] < min(of[0.8], of[1.2]), name  # the edge trains best
assert float(found.chi_perp) < 0.6  # the circulated constants are deep in the ordered phase
assert set(classes) == {"scale-invariant", "K*=0", "half-stable", "none"} and "tanh" in ELEMENTWISE
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Hayou, Doucet, Rousseau, *On the impact of the activation function on deep neural networks training* (2019),
#   [arXiv 1902.06853](https://arxiv.org/abs/1902.06853): both rates, and training at the edge.
# - Jakub, Nica, *Depth degeneracy in neural networks: vanishing angles in fully connected ReLU networks on
#   initialization* (2023), [arXiv 2302.09712](https://arxiv.org/abs/2302.09712): the law of finite width.
# - Roberts, Yaida, Hanin, *The principles of deep learning theory* (2021),
#   [arXiv 2106.10165](https://arxiv.org/abs/2106.10165): the three classes, and the constants of SiLU and GELU.
#
# Back: [the phase diagram](02_the_phase_diagram.ipynb) ·
# [two points fall through a network](01_two_points_fall_through_a_network.ipynb) ·
# [all labs](../00_start.ipynb).
