"""What is read off the weights of a grokking network: scores, its Fourier content, point clouds."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from labkit.data import arithmetic
from labkit.measures import circuits, fourier
from labkit.nn.mlp import PairMLP
from labkit.nn.transformer import PairTransformer
from labkit.optim import Loss

if TYPE_CHECKING:
    from labkit.experiments.grokking import Config

#: Share of the embedding's Fourier power that the key frequencies carry together.
KEY_SHARE = 0.9


class Readings:
    """The reading half of :class:`labkit.experiments.grokking.Grokking`; what trains fills these in.

    Attributes:
        tokens: of the task.
        a: first operand of every row of the table, int64.
        b: second operand.
        answer: the right one.
        train: rows trained on.
        test: the others.
        labels: what training is told of ``train``, noise included.
        basis: in which the task is sparse; ``None`` if there is none.
    """

    config: "Config"
    model: PairMLP | PairTransformer
    flat: torch.Tensor
    tokens: int
    a: torch.Tensor
    b: torch.Tensor
    answer: torch.Tensor
    train: torch.Tensor
    test: torch.Tensor
    labels: torch.Tensor
    basis: fourier.Basis | None
    _test_labels: torch.Tensor
    _loss: Loss
    #: Logits of the present weights, once they are known; whoever changes weights forgets them.
    _read: torch.Tensor | None = None

    def measure(self) -> dict[str, float]:
        """Loss and accuracy: training pairs against the labels given, test pairs against clean ones."""
        train_loss, train_accuracy = self._score(self.train, self.labels)
        test_loss, test_accuracy = self._score(self.test, self._test_labels)
        return {
            "train_loss": train_loss,
            "test_loss": test_loss,
            "train_accuracy": train_accuracy,
            "test_accuracy": test_accuracy,
            "weight_norm": float(self.flat.norm()),
        }

    def _logits(self) -> torch.Tensor:
        """Logits of the whole table: one pass serves all that is read off the same weights."""
        if self._read is None:
            self._read = self.model.logits(self.a, self.b)
        return self._read

    def _score(self, index: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
        logits = self._logits()[index]
        right = logits.max(1).indices == labels
        return float(self._loss.value(logits, labels)), float(right.float().mean())

    @torch.no_grad()
    def profile(self) -> dict[str, np.ndarray | float]:
        """Fourier content of embeddings, neurons and logits, in the basis that fits the task (if any)."""
        if self.basis is None:
            return {}
        power = fourier.fourier_spectrum(self._embeddings(), self.basis)
        keys = fourier.key_frequencies(power, KEY_SHARE)
        out = {
            "embedding_spectrum": power.float().cpu().numpy(),
            "key_frequencies": float(len(keys)),
            "top5_share": float(power.topk(min(5, len(power))).values.sum()),
        }
        if self.config.model == "mlp":
            ratio = circuits.inverse_participation_ratio(*self._uvw(), self.basis)
            low, median, high = torch.quantile(ratio, ratio.new_tensor([0.1, 0.5, 0.9])).tolist()
            out |= {"ipr_low": low, "ipr_median": median, "ipr_high": high}
        return out | self._progress(keys)

    def _progress(self, keys: list[int]) -> dict[str, float]:
        """Restricted and excluded loss (Nanda et al.), on the logits of the whole table."""
        logits = self._logits()[:, : self.tokens]
        clean, given = self.answer, self.answer.clone()
        given[self.train] = self.labels
        args = (clean, self.basis, keys, self._loss.value)
        part = circuits.key_part(logits, clean, self.basis, keys)
        return {
            "restricted_loss": circuits.restricted_loss(logits, *args, part=part),
            "excluded_loss": circuits.excluded_loss(logits, *args, self.train, given, part=part),
        }

    @torch.no_grad()
    def view(self) -> dict[str, np.ndarray]:
        """Point clouds of the present weights: neuron phases (MLP), tokens on the strongest circle."""
        if self.basis is None:
            return {}
        out = {}
        if self.config.model == "mlp" and self.basis.name != "permutations":
            uvw = self._uvw()
            phi = circuits.phases(*uvw, self.basis)
            ratio = circuits.inverse_participation_ratio(*uvw, self.basis)
            sign = arithmetic.TASKS[self.config.task].sign
            predicted = torch.remainder(phi[:, 0] + sign * phi[:, 1] + np.pi, 2 * np.pi) - np.pi
            out["phases"] = torch.stack([predicted, phi[:, 2], ratio], dim=1)
        else:
            embedding = self._embeddings()[0]
            strongest = 1 + int(fourier.fourier_spectrum(embedding, self.basis).argmax())
            points = fourier.circle(embedding, self.basis, strongest)
            out["circle"] = torch.cat([points, torch.arange(len(points))[:, None].to(points)], dim=1)
        return {name: value.float().cpu().numpy() for name, value in out.items()}

    def _embeddings(self) -> list[torch.Tensor]:
        """The matrices whose rows are tokens, (tokens, width) each."""
        if self.config.model == "mlp":
            return list(self.model.embeddings())
        return [self.model.W_E[:, : self.tokens].T]  # W_E is (d_model, tokens + 1), "=" last

    def _uvw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return *self.model.embeddings(), self.model.W
