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
# # L.N Title of the page
# *Lab L, Name · page N of M · about 20 minutes*
#
# (A template. Copy it to `labs/<lab>/NN_name.py`, write, then `make pages` executes it into
# `NN_name.ipynb`. The `.py` is the source: edit that one. Keep the nine headings; tests find the page by
# its name. Delete the brackets.)
#
# ## 1 · The question
# One question in one sentence, about one idea. This is the picture you will get:

# %%
import os

import numpy as np

from labkit import exercises, live, pages, run
from labkit.experiments import grokking

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: smaller or fewer runs, same verdicts
config = grokking.Config(modulus=23, width=64, train_fraction=0.5)
history = run(config, steps=60 if FAST else 200, every=10, progress=False)
history.figure(pictures=["accuracy", "loss"], columns=2)

# %% [markdown]
# ## 2 · Predict
# Two or three questions with a few possible answers, decided before looking:
#
# 1. Will it go up, down, or stay?

# %% [markdown]
# ## 3 · Play
# (What to press, what to drag, at which moment. One live cell.)

# %%
live.panel(config)

# %% [markdown]
# ## 4 · Look
# (What to notice, with numbers. A cell whose output is checked begins with the mark below, and prints a
# verdict or a rounded number that is the same in fast and full mode and on every machine.)

# %%
# NBVAL_CHECK_OUTPUT
print("training is solved:", "train solved" in history.events)

# %% [markdown]
# ## 5 · Open the box
# (The few lines of labkit that matter, printed from the source.)

# %%
from labkit.nn.mlp import PairMLP

print(pages.source(PairMLP.plain))

# %% [markdown]
# ## 6 · Explain
# (The formula, the paper, and where the explanation ends.) The network computes
# $f(a, b) = W (U e_a + V e_b)^2$.
#
# ## 7 · Try it
# (Two exercises, each a row in `labkit/exercises/`: a starter that fails its check, then a solution that
# passes.)
#
# **A.** Write `delay(frame)`: the step at which the test is solved over that at which training is.


# %% tags=["exercise"]
def delay(frame): ...


exercises.check("grokking-01-delay", delay)


# %% jupyter={"source_hidden": true} tags=["solution"]
def delay(frame):
    train = frame.step[frame.train_accuracy >= 0.99]
    test = frame.step[frame.test_accuracy >= 0.99]
    return test.iloc[0] / train.iloc[0] if len(test) else float("inf")


exercises.check("grokking-01-delay", delay)

# %% [markdown]
# **B.** Write `frequency(weights)`: the strongest frequency in one column of weights.


# %% tags=["exercise"]
def frequency(weights): ...


exercises.check("grokking-02-frequency", frequency)


# %% jupyter={"source_hidden": true} tags=["solution"]
def frequency(weights):
    return 1 + int(np.abs(np.fft.rfft(weights)[1:]).argmax())


exercises.check("grokking-02-frequency", frequency)

# %% [markdown]
# ## 8 · Check
# What this page claims (every number and every "more than" of the text, as an assertion):

# %%
# NBVAL_CHECK_OUTPUT
assert history["train_loss"][-1] < history["train_loss"][0]
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Author, *Title* (year), [arXiv 2301.02679](https://arxiv.org/abs/2301.02679): what was taken from it.
