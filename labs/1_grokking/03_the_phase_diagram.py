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
# # 1.3 The phase diagram
# *Lab 1, Grokking · page 3 of 3 · about 25 minutes*
#
# ## 1 · The question
# For which settings does a network grok, and what does it do for all the others?
#
# Nine small networks (p = 31, 128 neurons), three weight decays by three shares of the table. This is the
# picture you will get, in more detail:

# %%
import os
import tempfile

import numpy as np

from labkit import exercises, live, pages, panels, run, sweep
from labkit.experiments import grokking, grokking_outcomes
from labkit.pictures import Line

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer cells, same verdicts
STEPS = 450 if FAST else 600
config = grokking.Config(modulus=31, width=128)
kept = tempfile.mkdtemp()  # runs that are finished: what is there is not computed again
coarse = sweep(
    config,
    weight_decay=[1, 17, 40],
    train_fraction=[0.2, 0.5, 0.8],
    steps=STEPS,
    store=kept,
    progress=False,
)
panels.phase_diagram(coarse)

# %% [markdown]
# Five things can happen. *Never*: not even the training sums are solved. *Memorises*: those alone. *Learns at
# once*: the test is solved less than twice as late as training. *Groks*: it is solved later than that.
# *Forgets*: it was solved, and is lost again.
#
# ## 2 · Predict
# Between these nine cells there are many more. Before you look:
#
# 1. Without any weight decay, can enough data alone make the network generalise?
# 2. Does a border between two phases depend on both settings, or is it upright or level?
# 3. Where in the diagram is the delay longest: deep inside *groks*, or at one of its borders?

# %% [markdown]
# ## 3 · Play
# The diagram computes itself: big blocks first, pale where a cell is only guessed from its neighbour. Three
# seeds a cell; where they disagree, the cell gets a smaller core.
#
# - **Click** a cell at a border: its run starts below. Then drag *weight decay* there: can you push it over?
# - **Drag** a box over a border to look closer; *Whole plane* leads back.
# - Choose *delay* under **colours**.


# %%
def count_of_sums(config):
    """Where theory puts the least share of the table; see below."""
    share = 2.75 * np.log(config.modulus) / config.modulus
    return Line([share, share], "2.75 ln p / p", x=[0, 100])


# %%
diagram = live.phase_diagram(
    config,
    x=("weight_decay", [1, 17, 40] if FAST else [0, 0.1, 0.3, 1, 3, 6, 10, 14, 17, 20, 40]),
    y=("train_fraction", [0.2, 0.5, 0.8] if FAST else np.arange(1, 10) / 10),
    seeds=1 if FAST else 3,
    steps=STEPS,
    boundary=count_of_sums,
    store=kept,
)
diagram

# %% [markdown]
# ## 4 · Look
# The next cell waits until the diagram is full (a few minutes).

# %%
frame = diagram.result()
panels.phase_diagram(frame, outcome=["delay", "test_accuracy"])

# %% [markdown]
# - ***Groks* is a band, not a region of its own.** Below it there is only memory, above it the rule is found
#   at once.
# - **The lower border leans.** Little decay needs more data: with none, .6 of the table; with decay 3, .4.
#   On page 1.1 decay was a clock; here it decides what fits into 600 steps.
# - **The delay is longest at that border**, and falls as one goes up. So this border is a matter of
#   patience: with more steps it moves.
# - **There is a wall on the right**, and it is nearly upright: at decay 14 to 17 the rule is found and lost
#   again, at 40 nothing is learnt, with any amount of data.
# - **A name is not all.** A run that *memorises* has solved its training sums at some time. At decay 20 most
#   of these runs have lost them, too: click one.

# %%
# NBVAL_CHECK_OUTPUT
found = frame.groupby(["weight_decay", "train_fraction"]).phase.agg(lambda phases: phases.mode()[0])
print("phases:", ", ".join(word for word in grokking_outcomes.PHASES if word in set(frame.phase)))
print("decay 1, .2 of the table: ", found[1, 0.2])
print("decay 1, .5 of the table: ", found[1, 0.5])
print("decay 1, .8 of the table: ", found[1, 0.8])
print("decay 17, .8 of the table:", found[17, 0.8])
print("decay 40, any share:      ", *set(found[40]))

# %% [markdown]
# ## 5 · Open the box
# The colours are a reading of each run's curves, no more:

# %%
print(pages.source(grokking_outcomes.phase))

# %% [markdown]
# "Twice as late" is a choice. Other choices move the border between *groks* and *learns at once*, which is
# gradual; they do not touch the other three.
#
# ## 6 · Explain
# **The lower border: counting sums.** Every training sum votes for the rule, and is noise for anything else. For
# this kind of network Tian shows that about $c\, p \ln p$ sums are enough for the rule to be a peak of what
# training climbs: of the $p^2$ in the table, the share $c \ln p / p$, with $c = 2.75$ in his code. That is the dashed
# line. Below it no run here solves the test, at any decay; just under it, at .3, the best come to 98.7 %.
# Above it the rule is *there* to be found; whether it is found in 600 steps is up to decay.
#
# **The wall: a cage.** A step of AdamW is $w \leftarrow w - \eta\,(u + \lambda w)$ with a push $u$ of size
# about 1, however small the gradient. So decay wins where $|w| > 1/\lambda$: the weights live in a cage of
# that size (Xie and Li). The initial weights have a spread of $\sigma = \tfrac12 (2N)^{-1/3}$. Where
# $1/\lambda < \sigma$, the cage is smaller than what the network starts with:

# %%
# NBVAL_CHECK_OUTPUT
rows = [(decay, config.replace(weight_decay=decay, train_fraction=0.8)) for decay in (3.0, 17.0)]
ends = {decay: run(c, steps=150, every=50, progress=False).state for decay, c in rows}
sizes = {decay: max(float(end[f"weights.{x}"].abs().max()) for x in "UVW") for decay, end in ends.items()}
cage = 2 * (2 * config.width) ** (1 / 3)
print("largest weight times decay stays below 2:", all(decay * size < 2 for decay, size in sizes.items()))
print(f"the cage is as small as the start at decay {cage:.1f}")

# %% [markdown]
# (Not below 1: the push can be somewhat larger than 1 for a while.) The wall stands just there. This is an
# estimate, no theorem: it says where to look. With the 500 neurons of page 1.1 it gives 20, and there the
# accuracy crumbles at 20.
#
# ## 7 · Try it
# **A.** Write `least_share(frame, decay)`: the smallest `train_fraction` at which **more than half** of the
# seeds solve the test (column `test_solved`, NaN if never) with this weight decay; NaN if there is none.


# %% tags=["exercise"]
def least_share(frame, decay): ...


exercises.check("grokking-03-share", least_share)


# %% jupyter={"source_hidden": true} tags=["solution"]
def least_share(frame, decay):
    solved = (
        frame[frame.weight_decay == decay]
        .groupby("train_fraction")
        .test_solved.agg(lambda s: s.notna().mean())
    )
    return solved[solved > 0.5].index.min()


exercises.check("grokking-03-share", least_share)

# %% [markdown]
# **B.** Find a cell with patience: a config like this page's, with another `weight_decay` and
# `train_fraction` (seed 0), that solves the test within 1 000 steps but at least **20 times** as late as
# training. Prediction 3 and the diagram's *delay* tell you where to look. The check trains it.


# %% tags=["exercise"]
patient = ...

exercises.check("grokking-03-patient", patient)


# %% jupyter={"source_hidden": true} tags=["solution"]
patient = config.replace(weight_decay=0.3, train_fraction=0.5)

exercises.check("grokking-03-patient", patient)

# %% [markdown]
# ## 8 · Check

# %%
# NBVAL_CHECK_OUTPUT
share = 2.75 * np.log(31) / 31
solved = frame[frame.test_solved.notna()]
assert set(frame.phase) == set(grokking_outcomes.PHASES)  # all five
assert solved.train_fraction.min() > share  # nothing generalises below the dashed line
assert solved.weight_decay.max() < 2 * cage  # nor far beyond the wall
assert set(found[40]) == {"never"} and found[17, 0.8] == "forgets"
if not FAST:  # needs more cells
    borders = [least_share(frame, decay) for decay in (0, 1, 3)]
    assert borders == sorted(borders, reverse=True) and borders[0] > borders[-1]  # the lower border leans
    delay = frame.groupby(["weight_decay", "train_fraction"]).delay.median()
    patience = delay.dropna().reset_index()
    longest = patience.loc[patience.delay.idxmax()]
    # the longest delay is at the lower border: one row further down most seeds no longer solve the test
    assert longest.train_fraction <= least_share(frame, longest.weight_decay) + 1e-9
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Tian, *Provable scaling laws of feature emergence from learning dynamics of grokking* (2025),
#   [arXiv 2509.21519](https://arxiv.org/abs/2509.21519): the count of sums; the constant is that of the
#   author's code.
# - Xie, Li, *Implicit bias of AdamW: ℓ∞ norm constrained optimization* (2024),
#   [arXiv 2404.04454](https://arxiv.org/abs/2404.04454): the cage. What it does to *this* network is our
#   estimate.
# - Liu, Kitouni, Nolte, Michaud, Tegmark, Williams, *Towards understanding grokking* (2022),
#   [arXiv 2205.10343](https://arxiv.org/abs/2205.10343): phase diagrams of grokking, with other axes.
# - Doshi, Das, He, Gromov, *To grok or not to grok* (2023),
#   [arXiv 2310.13061](https://arxiv.org/abs/2310.13061): the network, and phase diagrams with wrong labels.
#
# Back: [inside the circuit](02_inside_the_circuit.ipynb) · [all labs](../00_start.ipynb).
