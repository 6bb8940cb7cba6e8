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
# # 1.2 Inside the circuit
# *Lab 1, Grokking · page 2 of 3 · about 25 minutes*
#
# ## 1 · The question
# What has the network built when it suddenly adds correctly: a better list, or a machine?
#
# Here is the network of page 1.1 with weight decay 4 (sooner, as you found there). This is the picture you
# will get; by the end you will read all of it:

# %%
import os

import numpy as np

from labkit import exercises, live, pages, panels, run
from labkit.experiments import grokking
from labkit.pictures import Heatmap, Line, Lines

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: recorded less often, same verdicts
config = grokking.Config(weight_decay=4.0)
history = run(config, steps=300, every=10 if FAST else 5, progress=False)
history.figure(pictures=["accuracy", "phases", "neurons"])

# %% [markdown]
# ## 2 · Predict
# A neuron has three columns of weights: $U_{an}$ and $V_{bn}$, one number for each a and b, and $W_{qn}$,
# one for each answer q. Before training all three are noise. Before you go on, sketch:
#
# 1. the column $U_{an}$ of one neuron against $a = 0 … 96$ at the end: a few spikes (the pairs it
#    remembers), steps, a wave, still noise?
# 2. Do $U$, $V$ and $W$ of one neuron have anything to do with each other?

# %% [markdown]
# ## 3 · Play
# Press **Play** and watch the lower row. *Progress measures* move while accuracy stands still; in *each
# neuron's phases* the dots find the diagonal. Then try *task* a−b: which line do the dots find now?

# %%
live.panel(config)

# %% [markdown]
# ## 4 · Look
# One neuron, its three columns, before and after:

# %%
from labkit.measures import circuits, fourier

basis = fourier.additive(97)
before = run(config, steps=0, progress=False).state
U, V, W = (history.state[f"weights.{name}"] for name in "UVW")
ratio = circuits.inverse_participation_ratio(U, V, W, basis)
spectra = circuits.neuron_spectra(U, V, W, basis)
n = int(spectra[:, :3].sum(1).argmax())  # a neuron of low frequency: its waves are easy to see


def columns(state, title):
    """One picture of the three columns of neuron ``n``."""
    lines = [Line(state[f"weights.{name}"][:, n], name, x=range(97), shade=i) for i, name in enumerate("UVW")]
    return Lines(title, title, tuple(lines), xlabel="a, b or q", ylabel="weight")


waves = Heatmap(
    "neurons",
    "each neuron's spectrum",
    spectra[spectra.argmax(1).argsort()].T,
    xlabel="neuron, sorted",
    ylabel="frequency",
    y=range(1, 49),
    colour_label="share of power",
    over_time=False,
)
panels.explore_figure([columns(before, "a neuron before"), columns(history.state, "the same after"), waves])

# %% [markdown]
# - **A neuron is a wave.** All three columns become cosines of *one* frequency $k$. The inverse
#   participation ratio (IPR) measures that: 1 for a pure wave, .04 for noise. Its median over the 500
#   neurons ends above .9.
# - **Every frequency is used.** The diagonal of the right picture has no gap: 48 frequencies share 500
#   neurons.
# - **The phases obey a law.** With $U_{an} \propto \cos(2\pi k a/p + \varphi_U)$ and so on, each neuron has
#   $\varphi_U + \varphi_V = \varphi_W$: the diagonal in the first picture of this page.
# - **Tidying up comes last.** When the test is solved (dotted line, near step 135) the median neuron is
#   still a mixture of frequencies. A machine works before it is clean.
#
# More than a quarter of the neurons never gets tidy. Those have become small; they hardly count:

# %%
# NBVAL_CHECK_OUTPUT
mismatch = circuits.phase_mismatch(circuits.phases(U, V, W, basis)).abs()
size = U.norm(dim=0) * V.norm(dim=0) * W.norm(dim=0)
tidy = ratio > 0.8
print("median IPR above .85:               ", bool(ratio.median() > 0.85))
used = circuits.dominant_frequency(spectra[tidy]).unique()
print("more than 40 of 48 frequencies used:", len(used) > 40)
print("φ_U + φ_V − φ_W, median, in radians:", f"{mismatch.median():.1f}")
print("tidy neurons carry over 80 %:       ", bool(size[tidy].sum() > 0.8 * size.sum()))

# %% [markdown]
# Now the *plateau*. The *key frequencies* are those that carry 90 % of the embeddings' power. Split the
# logits of the whole table into waves of a + b at key frequencies, and the rest. *Restricted loss* keeps
# only the former, *excluded loss* (on the training sums) only the latter:

# %%
history.figure(pictures=["accuracy", "progress", "spectrum"])

# %% [markdown]
# Between steps 20 and 70 accuracy says nothing. The restricted loss falls all the while: the machine is
# being built in the shadow of the list. And the excluded loss turns *up* near step 70: from there on the
# list is thrown away.
#
# ## 5 · Open the box
# The IPR, and the split of the logits, as labkit computes them:

# %%
print(pages.source(circuits.inverse_participation_ratio))
print(pages.source(circuits.excluded_loss))

# %% [markdown]
# ## 6 · Explain
# Put one wave of amplitude $A$ into each column and expand. With $\alpha = 2\pi k a/p + \varphi_U$ and
# $\beta = 2\pi k b/p + \varphi_V$,
#
# $$(\cos\alpha + \cos\beta)^2 =
# 1 + \tfrac12\cos 2\alpha + \tfrac12\cos 2\beta + \cos(\alpha - \beta) + \mathbf{\cos(\alpha + \beta)}.$$
#
# The last term knows $a + b$, and nothing else. Times $W_{qn} \propto \cos(2\pi k q/p + \varphi_W)$ with
# $\varphi_W = \varphi_U + \varphi_V$ it leaves $\tfrac12\cos(2\pi k (a + b - q)/p)$, which is largest at
# $q = a + b$. All other products keep a random phase. Summed over $N$ neurons they cancel like noise; the
# good terms add up:
#
# $$f_q(a, b) \approx \tfrac12 A^3 \sum_n \cos\frac{2\pi k_n (a + b - q)}{p}
# = 1 \text{ at } q = a + b \quad\text{for}\quad A = (2/N)^{1/3}.$$
#
# This is Gromov's solution. It needs no training: draw phases, write down waves.

# %%
import torch

from labkit.theory import modular

hand = modular.analytic_solution(97, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
a, b = torch.cartesian_prod(torch.arange(97), torch.arange(97)).T
distance = (torch.arange(97) - (a + b)[:, None]) % 97  # q − (a + b)


def anatomy(U, V, W):
    """Accuracy on the whole table, mean logit against q − (a + b), and the noise around that mean."""
    logits = (U[a] + V[b]).square() @ W.T
    mean = torch.zeros(97).index_add_(0, distance.flatten(), logits.flatten()) / len(a)
    accuracy = (logits.argmax(1) == (a + b) % 97).float().mean()
    return float(accuracy), mean.roll(48), float((logits - mean[distance]).std())


# %%
built, trained = anatomy(hand.U, hand.V, hand.W), anatomy(U, V, W)
peaks = [Line(built[1], "by hand", x=range(-48, 49)), Line(trained[1], "trained", x=range(-48, 49), shade=1)]
panels.explore_figure([Lines("peak", "mean logit", tuple(peaks), xlabel="q − (a + b)", ylabel="logit")])

# %%
# NBVAL_CHECK_OUTPUT
print(f"by hand: accuracy {built[0]:.2f}, noise about 2/√500 = .09: {built[2]:.2f}")
print(f"trained: accuracy {trained[0]:.2f}, less than a third of that noise: {trained[2] < built[2] / 3}")

# %% [markdown]
# So the two agree in what they compute. Training does one thing better: it does not draw phases, it
# arranges them so that the unwanted terms cancel. Its peak is below 1 because weight decay keeps pulling.
#
# Other networks build other machines. The transformer of Nanda et al. (a preset of the panel) uses a
# handful of frequencies instead of all, and multiplies waves by attention and ReLU.
#
# ## 7 · Try it
# **A.** Write `frequency(weights)`: it gets one column (p numbers) and returns the frequency, 1 … p//2,
# that carries most of its power.


# %% tags=["exercise"]
def frequency(weights): ...


exercises.check("grokking-02-frequency", frequency)


# %% jupyter={"source_hidden": true} tags=["solution"]
def frequency(weights):
    return 1 + int(np.abs(np.fft.rfft(weights)[1:]).argmax())  # [1:] leaves the constant out


exercises.check("grokking-02-frequency", frequency)

# %% [markdown]
# **B.** Finish a neuron. Its columns are $U_{an} = \cos(2\pi k a/p + \varphi_U)$ and
# $V_{bn} = \cos(2\pi k b/p + \varphi_V)$. Write `readout(k, phi_u, phi_v, p)` that returns its column
# $W_{qn}$, p numbers, of any size.


# %% tags=["exercise"]
def readout(k, phi_u, phi_v, p): ...


exercises.check("grokking-02-readout", readout)


# %% jupyter={"source_hidden": true} tags=["solution"]
def readout(k, phi_u, phi_v, p):
    return np.cos(2 * np.pi * k * np.arange(p) / p + phi_u + phi_v)


exercises.check("grokking-02-readout", readout)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
progress = history.to_frame().set_index("step")
assert circuits.inverse_participation_ratio(*(before[f"weights.{x}"] for x in "UVW"), basis).median() < 0.06
assert (
    ratio.median() > 0.85 and mismatch[tidy].median() < 0.1
)  # one frequency a neuron, and the law of phases
assert progress.restricted_loss[70] < 0.85 * progress.restricted_loss[20]  # the plateau is not flat ...
assert progress.test_accuracy[70] < 0.15  # ... though accuracy says so
assert (
    progress.excluded_loss.idxmin() < 100 < history.events["test solved"]
)  # the list goes before the test is solved
assert built[0] == 1 and trained[0] == 1  # both machines add, the one built by hand and the trained one
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Gromov, *Grokking modular arithmetic* (2023), [arXiv 2301.02679](https://arxiv.org/abs/2301.02679): the
#   solution by hand. (Its amplitude is printed with the exponent −1/3, for another normalisation of the
#   network.)
# - Nanda, Chan, Lieberum, Smith, Steinhardt, *Progress measures for grokking via mechanistic
#   interpretability* (2023), [arXiv 2301.05217](https://arxiv.org/abs/2301.05217): restricted and excluded
#   loss; memorisation, circuit formation, clean-up.
# - Doshi, Das, He, Gromov, *To grok or not to grok* (2023),
#   [arXiv 2310.13061](https://arxiv.org/abs/2310.13061): the IPR.
# - Morwani et al., *Feature emergence via margin maximization* (2023),
#   [arXiv 2311.07568](https://arxiv.org/abs/2311.07568): why one frequency a neuron and
#   $\varphi_U + \varphi_V = \varphi_W$ give the largest margin for their norm.
#
# Next: [the phase diagram](03_the_phase_diagram.ipynb). Back:
# [memorise, then generalise](01_memorise_then_generalise.ipynb) · [all labs](../00_start.ipynb).
