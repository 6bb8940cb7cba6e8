"""A field: a network from coordinates to values, with its encoding, its derivatives and its domain."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labkit import _checks
from labkit.nn.activations import ELEMENTWISE, Activation, get
from labkit.nn.activations.activation import by_autograd
from labkit.nn.chunks import cut
from labkit.nn.dense import DenseNets
from labkit.nn.fields import encodings, starts, waves
from labkit.nn.fields.rows import Rows

#: Rounding that a coordinate may be outside by.
SLACK = 1e-6


class Kind(NamedTuple):
    """One row of :data:`FIELDS`.

    Attributes:
        activation: ``(activation, omega_0, scale)`` to the member of hidden layers.
        start: ``(omega_0, first_bias)`` to the initial weights.
        learning_rate: of Adam on pictures, as its paper or a comparison has it.
        source: paper.
    """

    activation: Callable[[str | Activation, float, float], Activation]
    start: Callable[[float, float], starts.Start]
    learning_rate: float
    source: str


def _named(activation: str | Activation) -> Activation:
    row = activation if isinstance(activation, Activation) else get(activation)
    if not isinstance(row, Activation):
        _checks.choice("activation", activation, ELEMENTWISE)
    return row


FIELDS: dict[str, Kind] = {
    "mlp": Kind(
        lambda activation, omega_0, scale: _named(activation),
        lambda omega_0, first_bias: starts.linear(),
        1e-3,
        "any activation of the zoo on plain or encoded coordinates; Tancik et al. (2006.10739)",
    ),
    "siren": Kind(
        lambda activation, omega_0, scale: waves.sine(omega_0),
        lambda omega_0, first_bias: starts.siren(omega_0),
        5e-4,
        "Sitzmann et al. (2006.09661)",
    ),
    "finer": Kind(
        lambda activation, omega_0, scale: waves.finer(omega_0),
        lambda omega_0, first_bias: starts.finer(omega_0, first_bias),
        5e-4,
        "Liu et al. (2312.02434)",
    ),
    "wire": Kind(
        lambda activation, omega_0, scale: waves.gabor(omega_0, scale),
        lambda omega_0, first_bias: starts.linear(),
        5e-3,
        "Saragadam et al. (2301.05187), the real part of the wavelet; labkit.nn.fields.Wire has all of it",
    ),
    "gaussian": Kind(
        lambda activation, omega_0, scale: waves.bump(scale),
        lambda omega_0, first_bias: starts.linear(),
        5e-3,
        "Ramasinghe & Lucey (2111.15135)",
    ),
}

#: What the papers take for pictures on [-1, 1]: (omega_0, scale) by kind.
FREQUENCIES: dict[str, tuple[float, float]] = {
    "mlp": (30.0, 10.0),
    "siren": (30.0, 10.0),
    "finer": (30.0, 10.0),
    "wire": (20.0, 10.0),
    "gaussian": (30.0, 30.0),
}


class Derivatives(NamedTuple):
    """Of a field with one output at R points: value (R,), gradient (R, d), Laplacian (R,)."""

    value: Tensor
    gradient: Tensor
    laplacian: Tensor


class Field(nn.Module):
    r"""f(v) = W_L φ(... φ(W_1 γ(v) + b_1) ...) + b_L, the output linear.

    ``field.nets`` is a :class:`labkit.nn.dense.DenseNets` of one member, ``field.rows(x)`` trains it fast on
    many points, autograd works as on any module.

    Args:
        inputs: d, coordinates of a point.
        outputs: values at a point.
        kind: a key of :data:`FIELDS`.
        width: neurons of a hidden layer; 256 as in SIREN, FINER and Tancik et al.
        depth: hidden layers, 1 or more; 3 as there.
        activation: of "mlp": a key of the zoo or a member; other kinds have their own.
        omega_0: ω_0 of sine, FINER and Gabor, of activation *and* start; ``None`` is that of its paper.
        scale: s_0 of Gabor and Gaussian; ``None`` is that of its paper.
        first_bias: k of FINER.
        encoding: a key of :data:`labkit.nn.fields.encodings.ENCODINGS`.
        features: of the encoding, with ``sigma`` and ``bands``: see
            :func:`labkit.nn.fields.encodings.matrix`.
        sigma: the same.
        bands: the same.
        variance: σ_p to start from by :func:`labkit.nn.fields.starts.variance_informed` instead of the kind's
            own way; ``None`` keeps that.
        domain: coordinates outside ±domain raise ``ValueError`` in :meth:`forward`. A wave field is made for
            [-1, 1]: further out it oscillates faster than it was started for, and nothing there was trained.
            ``None`` lets all pass.
        generator: of the CPU; draws the encoding first, then the weights.
        dtype: of the parameters; drawn in float64 and rounded.

    Raises:
        ValueError: an unknown name, a size or number out of range.
    """

    def __init__(
        self,
        inputs: int = 2,
        outputs: int = 1,
        *,
        kind: str = "siren",
        width: int = 256,
        depth: int = 3,
        activation: str | Activation = "relu",
        omega_0: float | None = None,
        scale: float | None = None,
        first_bias: float = 1.0,
        encoding: str = "none",
        features: int = 256,
        sigma: float = 10.0,
        bands: int = 6,
        variance: float | None = None,
        domain: float | None = 1.0,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        depth = _checks.number("depth", depth, kind=int, low=1)
        phi, start = parts(
            kind, activation=activation, omega_0=omega_0, scale=scale, first_bias=first_bias,
            variance=variance, encoded=encoding != "none",
        )  # fmt: skip
        self.domain = None if domain is None else _checks.number("domain", domain, low=0)
        b = encodings.matrix(
            encoding, inputs, features=features, sigma=sigma, bands=bands, generator=generator
        )
        self.register_buffer("B", None if b is None else b.to(dtype))
        first = inputs if b is None else 2 * len(b)
        sizes = (first, *[width] * depth, outputs)
        self.nets = DenseNets(sizes, generators=[generator], activation=phi, start=start, dtype=dtype)
        self.inputs = inputs

    def encoded(self, x: Float[Tensor, "R d"]) -> Float[Tensor, "R features"]:
        """γ(x).

        Raises:
            ValueError: not d coordinates a point, another dtype than the field's, or a point outside ±domain.
        """
        _checks.shape("x", x, None, self.inputs)
        if x.dtype != self.nets.flat.dtype:
            raise ValueError(f"x: got {x.dtype}; allowed: {self.nets.flat.dtype}, as the field is")
        # under torch.func's vmap (:func:`labkit.theory.kernels.empirical_ntk`) there is no value to look at
        if self.domain is not None and len(x) and not torch._C._functorch.is_functorch_wrapped_tensor(x):
            furthest = float(x.detach().abs().max())
            if not furthest <= self.domain * (1 + SLACK):
                raise ValueError(
                    f"x: got a coordinate of size {furthest:g}; allowed: up to {self.domain:g}, for which "
                    "the field is made (domain=None lets all pass)"
                )
        return x if self.B is None else encodings.fourier_features(x, self.B)

    def forward(self, x: Float[Tensor, "R d"]) -> Float[Tensor, "R outputs"]:
        """Values at points, differentiable by autograd; errors as for :meth:`encoded`."""
        return self.nets(self.encoded(x))[0]

    def rows(self, x: Float[Tensor, "R d"], *, products: torch.dtype | None = None) -> Rows:
        """These points prepared for training: the encoding is computed once."""
        return Rows(self.nets, self.encoded(x).detach(), products=products)

    @torch.no_grad()
    def derivatives(self, x: Float[Tensor, "R d"]) -> Derivatives:
        r"""Value, gradient and Laplacian, carried forward through the layers in closed form.

        :math:`\partial_i h = \phi'(z)\,\partial_i z` and :math:`\Delta h = \phi''(z)\sum_i(\partial_i z)^2 +
        \phi'(z)\,\Delta z`: four passes for d = 2, no graph. Both are those of f by the coordinates x.

        Raises:
            ValueError: several outputs, and as for :meth:`encoded`.
        """
        if self.nets.sizes[-1] != 1:
            raise ValueError(f"field: got {self.nets.sizes[-1]} outputs; allowed: 1")
        self.encoded(x[:0])
        row_bytes = x.element_size() * 6 * (1 + self.inputs) * max(self.nets.sizes)
        pieces = [self._derivatives(x[some]) for some in cut(slice(0, len(x)), row_bytes, x.device)]
        return Derivatives(*(torch.cat(part) for part in zip(*pieces, strict=True)))

    def _derivatives(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h, (count, d) = self.encoded(x), x.shape
        if self.B is None:
            slopes = torch.eye(d, dtype=x.dtype, device=x.device)[:, None].expand(d, count, d)
            curve = torch.zeros_like(x)
        else:
            turn = 2 * math.pi * self.B  # (m, d)
            cos, sin = h.chunk(2, -1)
            slopes = torch.cat((-sin * turn.T[:, None], cos * turn.T[:, None]), -1)
            curve = -h * turn.square().sum(1).repeat(2)
        phi, last = self.nets.activation, len(self.nets.sizes) - 2
        for layer, (w, b) in enumerate(self.nets.layers()):
            z, slopes, curve = torch.addmm(b[0], h, w[0].T), slopes @ w[0].T, curve @ w[0].T
            if layer == last:
                return z[:, 0], slopes[..., 0].T, curve[:, 0]
            first, second = phi.derivative(z), by_autograd(phi.derivative, z)
            h = phi.function(z)
            curve = second * slopes.square().sum(0) + first * curve
            slopes = first * slopes
        raise AssertionError("a field has an output layer")


def parts(
    kind: str,
    *,
    activation: str | Activation = "relu",
    omega_0: float | None = None,
    scale: float | None = None,
    first_bias: float = 1.0,
    variance: float | None = None,
    encoded: bool = False,
) -> tuple[Activation, starts.Start]:
    """Activation and start of a kind of field: all that :class:`labkit.nn.dense.DenseNets` needs of it.

    Arguments as for :class:`Field`; ``encoded`` says whether inputs are Fourier features.
    """
    row = _checks.lookup(FIELDS, kind, "kind")
    own_omega, own_scale = FREQUENCIES[kind]
    omega_0 = own_omega if omega_0 is None else omega_0
    phi = row.activation(activation, omega_0, own_scale if scale is None else scale)
    if variance is not None:
        return phi, starts.variance_informed(phi, variance, 1 / 2 if encoded else 1 / 3)
    return phi, row.start(omega_0, first_bias)
