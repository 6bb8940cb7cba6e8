"""When a network memorised, when it generalised, and what its weights and logits do meanwhile."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labkit import _checks

Tensors = Tensor | Iterable[Tensor] | Mapping[str, Tensor]


def solved_at(steps: Sequence[int], accuracy: Sequence[float], threshold: float = 0.99) -> int | None:
    """The first recorded step at which accuracy is at least ``threshold``; ``None`` if it never is.

    The default .99 is the lab's "solved"; it is a *recorded* step, so sparse records read late.

    Raises:
        ValueError: steps and accuracy differ in length.
    """
    if len(steps) != len(accuracy):
        raise ValueError(f"accuracy: got {len(accuracy)} values; allowed: {len(steps)}, one for each step")
    for step, value in zip(steps, accuracy, strict=True):
        if value >= threshold:  # never true for NaN
            return int(step)
    return None


def delay_ratio(train_solved: int | None, test_solved: int | None) -> float | None:
    """Test-solved step over train-solved step; about 1 without grokking, large with it.

    ``None`` where either was not solved, or where training was solved at step 0 (no scale to compare with).
    """
    if train_solved is None or test_solved is None or train_solved <= 0:
        return None
    return test_solved / train_solved


def weight_norm(weights: Tensors) -> float:
    r"""Euclidean norm of all weights together, :math:`\sqrt{\sum_i w_i^2}`, summed in float64."""
    return sum(_dot(w, w) for w in _list(weights)) ** 0.5


def logit_margin(
    logits: Float[Tensor, "rows outputs"], answer: Int[Tensor, " rows"]
) -> Float[Tensor, " rows"]:
    r"""Margin of each row, :math:`z_y - \max_{j \neq y} z_j`; positive exactly where the row is right.

    Raises:
        ValueError: shapes that do not fit, or fewer than two outputs.
    """
    _checks.shape("logits", logits, None, None)
    _checks.shape("answer", answer, len(logits))
    if logits.shape[1] < 2:
        raise ValueError("logits: got 1 output; allowed: 2 or more")
    logits = logits.detach()
    at = answer[:, None]
    return (logits.gather(1, at) - logits.scatter(1, at, -torch.inf).amax(1, keepdim=True)).squeeze(1)


def softmax_collapse(logits: Float[Tensor, "rows outputs"], answer: Int[Tensor, " rows"]) -> float:
    r"""Fraction of rows in softmax collapse (Prieto et al., arXiv 2501.04697), in the dtype of the logits.

    A row has collapsed when :math:`\sum_k e^{z_k} = e^{z_y}` in floating arithmetic (after subtracting the
    largest logit, as every softmax does): the wrong classes are below the rounding of the right one. Its
    cross-entropy is then exactly 0 and so is its gradient at the right logit, which can no longer grow. (At
    the wrong logits the computed gradient is :math:`e^{z_k - z_y}`, below the rounding unit but not always
    0.) All margins above about 17 + ln(outputs) in float32, 37 + ln(outputs) in float64 collapse.

    Raises:
        ValueError: shapes that do not fit.
    """
    _checks.shape("logits", logits, None, None)
    _checks.shape("answer", answer, len(logits))
    logits = logits.detach()
    weight = (logits - logits.amax(1, keepdim=True)).exp()
    return float((weight.sum(1) == weight.gather(1, answer[:, None]).squeeze(1)).double().mean())


def nlm_cosine(gradient: Tensors, weights: Tensors) -> float:
    r"""Cosine between descent direction and weights, :math:`\cos(-\nabla L, w)`, over all tensors together.

    Near 1 the update mostly rescales the weights, and so the logits: naive loss minimisation (Prieto et al.,
    arXiv 2501.04697: up to .9). 0 where the gradient or the weights vanish. Pass the gradient of the *loss*,
    without weight decay.

    Raises:
        ValueError: gradient and weights do not match in number, name or shape.
    """
    if isinstance(gradient, Mapping) and isinstance(weights, Mapping):
        if gradient.keys() != weights.keys():
            raise ValueError(
                f"gradient: got {sorted(gradient)}; allowed: the names of weights, {sorted(weights)}"
            )
        gradient = {name: gradient[name] for name in weights}
    down, up = _list(gradient), _list(weights)
    if [g.shape for g in down] != [w.shape for w in up]:
        raise ValueError(
            f"gradient: got shapes {[tuple(g.shape) for g in down]}; "
            f"allowed: those of weights, {[tuple(w.shape) for w in up]}"
        )
    size = weight_norm(down) * weight_norm(up)
    return -sum(_dot(g, w) for g, w in zip(down, up, strict=True)) / size if size > 0 else 0.0


def _list(tensors: Tensors) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    return list(tensors.values() if isinstance(tensors, Mapping) else tensors)


def _dot(left: Tensor, right: Tensor) -> float:
    if left.device.type == "mps":  # has no float64
        left, right = left.cpu(), right.cpu()
    return float(left.detach().double().flatten() @ right.detach().double().flatten())
