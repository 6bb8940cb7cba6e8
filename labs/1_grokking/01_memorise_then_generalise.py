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
# # 1.1 Memorise, then generalise
# *Lab 1, Grokking · page 1 of 3 · about 20 minutes*
#
# ## 1 · The question
# A network has learnt a quarter of an addition table by heart and fails on the rest: what makes it, long
# after, get the rest right?
#
# It is shown 2 352 of the 97 × 97 sums a + b mod 97 (sums of a clock with 97 hours) and never sees the
# others. This is the picture you will get:

# %%
import os

from labkit import exercises, live, pages, panels, run
from labkit.experiments import grokking
from labkit.pictures import Line, Lines

FAST = os.environ.get("LABKIT_FAST") == "1"  # set by the tests: fewer runs and records, same verdicts
history = run(grokking.Config(), steps=250, every=10 if FAST else None, progress=False)
history.figure(pictures=["accuracy"], xscale="log")

# %% [markdown]
# ## 2 · Predict
# Training is solved near step 10, the test near step 200. Write down your answers before you go on:
#
# 1. *Weight decay* pulls every weight a little towards zero in every step. With twice as much of it, is the
#    test solved earlier or later?
# 2. And with none at all?
# 3. At step 50 the training accuracy is perfect. Is the test *loss* below or above that of a network that
#    has not been trained at all?

# %% [markdown]
# ## 3 · Play
# Press **Play**; the story takes about eight seconds. Then **Reset**, play again, and around step 60 press
# **Fork** and drag *weight decay* of the branch: to 0, to 5, to 50. The left end of the slider is 0.

# %%
live.panel(grokking.Config())

# %% [markdown]
# ## 4 · Look
# The same run, in numbers:

# %%
frame = history.to_frame().set_index("step")
columns = ["train_accuracy", "test_accuracy", "train_loss", "test_loss", "weight_norm"]
frame.loc[[0, 10, 50, 100, 150, 200, 250], columns].round(4)

# %% [markdown]
# - **The plateau.** Training is solved by step 10; at step 100 the test accuracy is still around 5 %.
# - **Learning by heart does harm.** At step 50 the test loss is half as large again as at step 0: on sums
#   it has not seen the network is now *confidently* wrong. That was question 3.
# - **Nothing happens suddenly.** The test loss falls smoothly from about step 60 on. Accuracy sees nothing
#   of it until the right answer overtakes the wrong ones, and then it sees everything at once.
#
# Now questions 1 and 2, the same network with none, the usual and twice the weight decay:

# %%
runs = {2: history}
for decay in (0, 4):
    runs[decay] = run(grokking.Config(weight_decay=decay), 250, every=10 if FAST else 5, progress=False)


def curves(column):
    """One picture of ``column``, a curve for each weight decay."""
    lines = [Line(runs[λ][column], f"λ = {λ}", x=runs[λ].steps, shade=i) for i, λ in enumerate((0, 2, 4))]
    return Lines(column, column.replace("_", " "), tuple(lines))


panels.explore_figure([curves("test_accuracy"), curves("test_loss"), curves("weight_norm")])

# %%
# NBVAL_CHECK_OUTPUT
at = frame.loc[100]
print("by heart only at step 100:   ", bool(at.train_accuracy == 1 and at.test_accuracy < 0.2))
print("test loss, step 50 : step 0: ", f"{frame.test_loss[50] / frame.test_loss[0]:.1f}")
print("test accuracy without decay: ", f"{runs[0]['test_accuracy'].max():.1f}")

# %% [markdown]
# ## 5 · Open the box
# The network is three matrices U, V, W without biases. Its forward pass, and one step of its training:

# %%
from labkit.nn.mlp import PairMLP

print(pages.source(PairMLP.plain))
print(pages.source(grokking.Grokking.update))

# %% [markdown]
# ## 6 · Explain
# The network computes $f(a, b) = W\,(U e_a + V e_b)^2$, with $e_a$ the one-hot vector of $a$ and the square
# taken neuron by neuron. The loss is the mean square distance to $e_{a+b}$. One step of AdamW is
#
# $$\theta \leftarrow (1 - \eta\lambda)\,\theta - \eta\,\hat m / (\sqrt{\hat v} + \epsilon),$$
#
# $\eta$ the learning rate, $\lambda$ the weight decay. A weight that no gradient defends decays as
# $e^{-\eta\lambda t}$: the clock of decay ticks every $1/\eta\lambda = 50$ steps here.
#
# Two kinds of weights fit the training sums: a **list** of 2 352 answers, and the **rule**. The list is
# found first. But the list needs weights for every single sum, and the rule serves all sums with the same
# ones. So the rule gets more out of the same weights, and when decay makes weights scarce, it wins
# (*circuit efficiency*, Varma et al.).
#
# To measure that, ask for the smallest margin $\gamma = \min\,(f_{a+b} - \max_{q \ne a+b} f_q)$ on the
# training sums. Scaling all weights by $s$ scales $f$ by $s^3$, so the fair number is
# $\gamma / \lVert\theta\rVert^3$:

# %%
from labkit import runtime
from labkit.data import arithmetic
from labkit.measures import memorisation


def efficiency(history):
    """Smallest training margin over the cube of the weight norm, in millionths."""
    c = history.config
    table = arithmetic.pairs(c.task, c.modulus)
    train, _ = arithmetic.split(len(table.a), c.train_fraction, generator=runtime.generator(c.seed, 0))
    U, V, W = (history.state[f"weights.{name}"] for name in "UVW")
    logits = (U[table.a[train]] + V[table.b[train]]).square() @ W.T
    margin = memorisation.logit_margin(logits, table.answer[train])
    return 1e6 * float(margin.min()) / memorisation.weight_norm([U, V, W]) ** 3


for decay, other in sorted(runs.items()):
    print(f"weight decay {decay}: {efficiency(other):.1f}")

# %% [markdown]
# Without decay the network keeps its list; the network with decay 4 has the rule by now, and twice the
# margin from the same norm.
#
# If decay is the clock, the delay should be a fixed number of ticks, $T \approx c/\eta\lambda$. It is, as
# long as $\lambda$ is small: $c$ is about 3.5. A large decay also slows the rule down, and the gain is used
# up.

# %%
solved = {decay: runs[decay].events["test solved"] for decay in (2, 4)}
for decay in () if FAST else (0.5, 1, 8, 16):
    config = grokking.Config(weight_decay=decay)
    solved[decay] = run(config, 100 + int(350 / decay), every=10, progress=False).events["test solved"]

decays = sorted(solved)
measured = Line([solved[decay] for decay in decays], "measured", x=decays)
ticks = Line([3.5 / (0.01 * decay) for decay in decays], "3.5 ticks of decay", x=decays, shade=1, theory=True)
title = "step at which the test is solved"
panels.explore_figure(
    [Lines("clock", title, (measured, ticks), "weight decay λ", xscale="log", yscale="log")]
)

# %% [markdown]
# Two warnings. Weight decay is *this* network's lever, not the only one: with half of the table (set *train
# fraction* to 0.5) it finds the rule without any, and other set-ups grok without decay altogether (Kumar et
# al.; Prieto et al.). And the weight norm as such says little: it *grows* during the whole plateau.
#
# ## 7 · Try it
# **A.** Measure the delay. `delay(frame)` gets a table with the columns `step`, `train_accuracy` and
# `test_accuracy`, and returns the step at which the test is first solved (accuracy at least .99) divided by
# that for training; `float("inf")` if the test never is.


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
# **B.** The default page solves its test near step 200. Find a weight decay that does it by step 115. The
# panel above helps you to search.

# %% tags=["exercise"]
sooner = grokking.Config(weight_decay=2.0)

exercises.check("grokking-01-decay", sooner)

# %% jupyter={"source_hidden": true} tags=["solution"]
sooner = grokking.Config(weight_decay=10.0)  # 7 to 20 will do; at 40 nothing is learnt

exercises.check("grokking-01-decay", sooner)

# %% [markdown]
# ## 8 · Check
# What this page claims, over five seeds:

# %%
# NBVAL_CHECK_OUTPUT
events = [history.events]
for seed in () if FAST else range(1, 5):
    events.append(run(grokking.Config(seed=seed), 250, every=5, progress=False).events)
assert all(event["test solved"] >= 8 * event["train solved"] for event in events), events
assert frame.test_loss[50] > 1.3 * frame.test_loss[0]  # learning by heart does harm
assert runs[0]["test_accuracy"].max() < 0.05  # no decay, no rule, in these 250 steps
assert runs[4].events["test solved"] < runs[2].events["test solved"]  # more decay, sooner
assert efficiency(runs[4]) > 1.5 * efficiency(runs[0])  # the rule gets more out of its weights
print("all claims of this page hold")

# %% [markdown]
# ## 9 · Sources
# - Power, Burda, Edwards, Babuschkin, Misra, *Grokking* (2022),
#   [arXiv 2201.02177](https://arxiv.org/abs/2201.02177): the discovery.
# - Doshi, Das, He, Gromov, *To grok or not to grok* (2023),
#   [arXiv 2310.13061](https://arxiv.org/abs/2310.13061): this network and its settings.
# - Varma, Shah, Kenton, Kramár, Kumar, *Explaining grokking through circuit efficiency* (2023),
#   [arXiv 2309.02390](https://arxiv.org/abs/2309.02390): the list, the rule and their price.
# - Kumar et al., *Grokking as the transition from lazy to rich training dynamics* (2023),
#   [arXiv 2310.06110](https://arxiv.org/abs/2310.06110), and Prieto et al., *Grokking at the edge of
#   numerical stability* (2025), [arXiv 2501.04697](https://arxiv.org/abs/2501.04697): grokking without
#   decay.
#
# Next: [what is inside the network that understood](02_inside_the_circuit.ipynb).
