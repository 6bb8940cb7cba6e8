"""Activations with weights of their own: matrices, statistics of a batch, steps between frames."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from labkit.nn.activations.activation import Parameter, Unit
from labkit.nn.activations.layer import Layer, whole_groups

EDGES = Parameter("edges", (-1.0, -0.5, 0.0, 0.5, 1.0), "where the levels change, ascending")
LEVELS = Parameter(
    "levels", (0.0, 0.0, 0.0, 1.0, 1.0, 1.0), "start of the levels of each interval", learnable=True
)
LIU = "Liu, Cao, Li & Zikatanov, trainable matrix activation functions (2109.09948)"


class Matrix(Layer):
    """D(x) x, where row i of D has levels that depend on in which interval x_j is, j = i + ``offsets``.

    ``levels`` is (diagonals, intervals, features); entry j of a diagonal is the factor of x_j. The main one
    starts with the same levels for every unit, the others at 0.
    """

    def __init__(
        self,
        features: int,
        edges: tuple[float, ...],
        levels: tuple[float, ...],
        offsets: tuple[int, ...] = (0,),
    ) -> None:
        super().__init__(features)
        if any(one >= two for one, two in pairwise(edges)):
            raise ValueError(f"edges: got {edges}; allowed: ascending numbers")
        if len(levels) != len(edges) + 1:
            raise ValueError(
                f"levels: got {len(levels)} numbers; allowed: {len(edges) + 1}, one more than edges"
            )
        self.edges = edges
        self.offsets = offsets
        start = torch.tensor(levels)[:, None].expand(len(levels), features)
        self.levels = nn.Parameter(torch.stack([start if not at else 0 * start for at in offsets]))

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        levels = self.levels.to(x.dtype)
        factor = [diagonal[0].expand_as(x) for diagonal in levels]
        for k, edge in enumerate(self.edges, start=1):
            factor = [torch.where(x > edge, levels[d, k], one) for d, one in enumerate(factor)]
        # what comes from unit j = i + offset arrives at unit i
        return sum(_moved(x * one, offset) for one, offset in zip(factor, self.offsets, strict=True))


def _moved(x: Tensor, offset: int) -> Tensor:
    if not offset:
        return x
    gap = torch.zeros_like(x[..., : abs(offset)])
    parts = (x[..., offset:], gap) if offset > 0 else (gap, x[..., :offset])
    return torch.cat(parts, -1)


class Dice(Layer):
    """A leaky ReLU whose edge is at the mean of the batch and as soft as its spread is wide.

    In training mode mean and variance are those of the batch (all dimensions but the last), and running ones
    move towards them by ``momentum``; in evaluation mode the running ones serve.
    """

    def __init__(self, features: int, alpha: float, eps: float, momentum: float) -> None:
        super().__init__(features)
        self.eps, self.momentum = eps, momentum
        self.alpha = nn.Parameter(torch.full((features,), float(alpha)))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_variance", torch.ones(features))

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        mean, variance = self._moments(x)
        share = ((x - mean) / (variance + self.eps).sqrt()).sigmoid()
        return x * (share + (1 - share) * self.alpha)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not self.training or not x.numel():
            return self.running_mean.to(x.dtype), self.running_variance.to(x.dtype)
        rows = x.reshape(-1, self.features)
        mean = rows.mean(0)
        variance = (rows - mean).square().mean(0)
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_variance.lerp_(variance.to(self.running_variance.dtype), self.momentum)
        return mean, variance


class Delta(Layer):
    """Differences of quantised activations from one frame to the next; the step is learnt.

    A row holds ``frames`` frames of features / frames units, one after another; before the first is silence.
    Backward passes straight through the rounding; the step θ gets minus the rounded multiple, as in the
    authors' code, so that a loss that grows with the outputs makes θ larger and the outputs rarer.
    """

    def __init__(self, features: int, theta: float, frames: int) -> None:
        super().__init__(features)
        whole_groups(features, frames)
        self.frames = frames
        self.theta = nn.Parameter(torch.tensor(float(theta)))

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        theta = self.theta.to(x.dtype).abs()
        multiple = x / theta.detach()
        multiple = multiple.round().detach() + (multiple - multiple.detach())
        # worth θ, with the slope -1
        level = (multiple * (2 * theta.detach() - theta)).unflatten(-1, (self.frames, -1))
        before = torch.cat((torch.zeros_like(level[..., :1, :]), level[..., :-1, :]), -2)
        return (level - before).flatten(-2)


def _tridiagonal(features: int, edges: tuple[float, ...], levels: tuple[float, ...]) -> Matrix:
    return Matrix(features, edges, levels, (-1, 0, 1))


MEMBERS: dict[str, Unit] = {
    "trainable_matrix": Unit(
        Matrix,
        r"\phi(x)_i = t_{i,k(x_i)}\,x_i,\ k(x) \text{ the interval between edges that } x \text{ is in}",
        f"{LIU}, diagonal",
        (EDGES, LEVELS),
        aliases=("tmaf",),
        doubt="read in excerpts: there the edges are learnt as well; these are ours and stay, as"
        " nothing flows back to them, and levels start as ReLU's",
    ),
    "trainable_tridiagonal": Unit(
        _tridiagonal,
        r"\phi(x)_i = \sum_{j = i - 1}^{i + 1} t_{i,j,k(x_j)}\,x_j,\ k(x)"
        r" \text{ the interval between edges that } x \text{ is in}",
        f"{LIU}, tridiagonal",
        (EDGES, LEVELS),
        doubt="which unit's interval the entries beside the diagonal look at was not read in the paper",
    ),
    "dice": Unit(
        Dice,
        r"\phi(x)_i = p_i x_i + (1 - p_i)\alpha_i x_i,\ p_i = \sigma((x_i - E_i)/\sqrt{V_i + \epsilon})",
        "Zhou et al., Deep Interest Network (1706.06978)",
        (
            Parameter("alpha", 0.0, "where every slope α_i starts", -1.0, 1.0, True),
            Parameter("eps", 1e-8, "ε under the root", 1e-12, 1.0),
            Parameter("momentum", 0.01, "how fast the running E and V follow a batch", 0.0, 1.0),
        ),
        aliases=("data_adaptive",),
    ),
    "delta": Unit(
        Delta,
        r"\phi(x)_t = q(x_t) - q(x_{t-1}),\ q(x) = \theta\operatorname{round}(x/\theta),\ q(x_0) = 0",
        "Yousefzadeh & Sifalakis, delta activation layer (2107.07305)",
        (
            Parameter("theta", 0.1, "step θ of the quantisation, in magnitude", 1e-4, 10.0, True),
            Parameter("frames", 2, "frames a row", 1, 4096),
        ),
        aliases=("delta_activation",),
        gradient="surrogate",
        note="read in the authors' code, not in the paper; their penalty on differences is left to the loss",
    ),
}
