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
# # 2.2 Why: the kernel's eigenvalues
# *Lab 2, Spectral bias · page 2 of 4 · about 20 minutes*
#
# ## 1 · The question
# Why are slow waves learnt first, and can one say *when*, before anything is trained?
#
# Two layers of ReLU, 1024 neurons, on points of a circle. Dashed is theory from the initial weights alone,
# solid is the network:

# %%
import numpy as np

from labkit import exercises, live, pages, panels
from labkit.experiments import kernel_regime
from labkit.theory.ntk import Linearised, circle_eigenvalues

config = kernel_regime.Config()
*_, lazy = kernel_regime.pictures(config)
panels.explore_figure(lazy, columns=2)

# %% [markdown]
# ## 2 · Predict
# Before you move anything:
#
# 1. Theory needs the network at its start, and nothing else. For which networks will it fail: wide or narrow
#    ones, those with large outputs or with small ones?
# 2. Take the biases away. Does the network get slower, or blind to some waves?

# %% [markdown]
# ## 3 · Play
# - Drag **t**. Theory answers at once, whatever t is: nothing is stepped. The network comes a moment later.
# - Preset **rich**, or drag **output scale α** down from 10: when do solid and dashed part?
# - Preset **no bias**: look at k = 3, and at the eigenvalues.
# - Preset **narrow**, then **on a line**.

# %%
live.explore(kernel_regime.pictures, config, title="The kernel's eigenvalues")

# %% [markdown]
# ## 4 · Look
# - **Each note has its own clock.** Its eigenvalue λ_k says how fast; λ falls with k, and so slow waves lead.
# - **Lazy.** At α = 10 theory and network are one curve, and the kernel has moved by a percent or less.
# - **Rich.** At α = .1 the kernel moves by more than itself; fast notes leave the prediction.
# - **Without bias** k = 3, 5, 7, ... are not late. They never come.

# %%
# NBVAL_CHECK_OUTPUT
print("λ_k of infinitely many neurons, k = 1 to 7")
for bias in (1.0, 0.0):
    values = np.abs(circle_eigenvalues("relu", range(1, 8), sigma_b=bias).numpy())
    print(f"bias {bias:g}: ", "  ".join(f"{value:.4f}" for value in values))

# %% [markdown]
# ## 5 · Open the box
# No loop over steps: one decomposition of the kernel, and any time is one product. (Also with momentum.)

# %%
print(pages.source(kernel_regime.start.__wrapped__))
print(pages.source(Linearised.predict))

# %% [markdown]
# ## 6 · Explain
# Train all n points with the loss $\frac1n\sum_i (f_i - y_i)^2$. A small step changes outputs by
# $\Delta f = -\frac{2\eta}{n}\,\Theta\,(f - y)$, with the **neural tangent kernel**
# $\Theta_{ij} = \nabla f(x_i)\cdot\nabla f(x_j)$. If Θ stays as it was, what is missing of its eigenvector
# $v_i$ shrinks alone:
#
# $$v_i\cdot(y - f_t) = \Bigl(1 - \frac{2\eta\lambda_i}{n}\Bigr)^t \, v_i\cdot(y - f_0) .$$
#
# **On the circle** all points are alike, so eigenvectors are sines and cosines. For ReLU, with bias, λ_k
# falls like $k^{-2}$: the kernel has a corner. So time grows like $k^2$. (The stronger the biases, the sooner: from
# k = 4 to 8 the exponent is 2.3 here and 2.2 with biases as strong as weights, from 16 to 32 it is 2.0 for both.)
# Without bias λ_k is exactly 0 for odd k ≥ 3: a sum of $\mathrm{relu}(w\cdot x)$ is an even function plus a
# linear one.
#
# **Lazy or rich.** With outputs α·h and the rate η/α², α drops out of this law. But to move f by one, weights
# need to move only by 1/α. So large α means that Θ hardly moves (Chizat et al.), and so does a large width. With
# small α the features themselves are learnt: that is *rich*, and no theory of a fixed kernel holds.
#
# **Also not covered:** Adam (it rescales each gradient); steps with $2\eta\lambda_1/n > 2$, which diverge; deep
# narrow networks, whose kernel moves at once.

# %%
*_, rich = kernel_regime.pictures(kernel_regime.Config.preset("rich"))
*_, blind = kernel_regime.pictures(kernel_regime.Config.preset("no bias"))
panels.explore_figure([rich[1], rich[3], blind[1], blind[2]], columns=2)

# %% [markdown]
# ## 7 · Try it
# **A.** Write `left(eigenvalue, rate, n, t)`: the share of a mode that t updates of gradient descent leave.


# %% tags=["exercise"]
def left(eigenvalue, rate, n, t): ...


exercises.check("spectral_bias-02-left", left)


# %% jupyter={"source_hidden": true} tags=["solution"]
def left(eigenvalue, rate, n, t):
    return (1 - 2 * rate * eigenvalue / n) ** t


exercises.check("spectral_bias-02-left", left)

# %% [markdown]
# **B.** Two layers of ReLU **without** bias, on the circle: list the frequencies from 1 to 12 that are never learnt.


# %% tags=["exercise"]
never = ...

exercises.check("spectral_bias-02-never", never)

# %% jupyter={"source_hidden": true} tags=["solution"]
never = [3, 5, 7, 9, 11]

exercises.check("spectral_bias-02-never", never)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT


def apart(config):
    """Largest distance of the network's loss from the predicted one, over the first loss; and the drift."""
    known, course = kernel_regime.start(config.trained), kernel_regime.course(config.trained)
    theory = known.solved.loss(kernel_regime.TIMES, config.learning_rate)
    measured = (course.values - known.solved.target).square().mean(1)
    return float((theory - measured).abs().max() / theory[0]), course.moved


assert apart(config)[0] < 0.02 and apart(config)[1] < 0.03  # lazy: one curve
off, moved = apart(kernel_regime.Config.preset("rich"))
assert off > 0.04 and moved > 0.5  # rich: the kernel is another one
learnt = kernel_regime.course(kernel_regime.Config.preset("no bias").trained).values[-1]
spectrum = 2 * np.abs(np.fft.rfft(learnt.numpy())) / len(learnt)
assert spectrum[3] < 0.01 and spectrum[4] > 0.9  # never learnt, and learnt
far, strong = (-circle_eigenvalues("relu", [4, 8, 16, 32], sigma_b=b).log2().diff() for b in (1, 2**0.5))
assert abs(far[2] - 2) < 0.05 < strong[0] - 2 < far[0] - 2 < 0.3  # k⁻², but not at once
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Jacot, Gabriel, Hongler, *Neural tangent kernel* (2018), [arXiv 1806.07572](https://arxiv.org/abs/1806.07572).
# - Basri, Jacobs, Kasten, Kritchman, *The convergence rate of neural networks for learned functions of different
#   frequencies* (2019), [arXiv 1906.00425](https://arxiv.org/abs/1906.00425): the circle, with and without bias.
# - Chizat, Oyallon, Bach, *On lazy training in differentiable programming* (2019),
#   [arXiv 1812.07956](https://arxiv.org/abs/1812.07956): the output scale.
#
# Back: [slow notes last](01_slow_notes_last.ipynb) · next: [escaping it](03_escaping_it.ipynb) ·
# [all labs](../00_start.ipynb).
