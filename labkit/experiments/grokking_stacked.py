"""Grokking runs of one shape as one batched model: one kernel for all members."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from labkit import runtime
from labkit.optim import LOSSES, OPTIMISERS

#: Bytes that members which are measured at the same time may take.
MEASURE_BYTES = 4 * 2**30
HYPER = ("learning_rate", "weight_decay", "momentum", "beta2", "epsilon", "warmup", "temperature")


class Stacked:
    """An :class:`labkit.ensemble.Ensemble` whose members are the leading dimension M of every tensor.

    The gradient is that of the model's ``forward``, by ``vmap``; hyperparameters are (M, 1). On a GPU a
    step is one CUDA graph. On a CPU one run keeps a core busy and :class:`labkit.ensemble.SideBySide` is
    faster (``make bench``), so only tests use it there.
    """

    def __init__(self, configs: Sequence[Any], device: torch.device) -> None:
        self._configs, self._device = list(configs), device
        # starts are drawn on the CPU, as those of single runs
        members = [config.experiment(config, torch.device("cpu")) for config in configs]
        first = members[0]
        self._model = first.model.to(device)
        self._shapes = {name: p.shape for name, p in first.model.named_parameters()}
        self._optimiser = OPTIMISERS[first.config.optimizer]
        self._value = LOSSES[first.config.loss].value
        self._precision = torch.float64 if first.config.float64_loss else None
        self._rows = first.a.to(device), first.b.to(device), first.answer.to(device)
        self._flat = torch.stack([member.flat for member in members]).to(device)
        self._buffers = self._optimiser.new_buffers(self._flat)
        self._buffers["updates"] = self._buffers["updates"].to(device)
        self._data = {
            name: torch.stack([getattr(member, name) for member in members]).to(device)
            for name in ("train", "test", "labels")
        }
        self._data |= {
            name: self._flat.new_tensor([[float(getattr(config, name))] for config in configs])
            for name in HYPER
        }
        self._recorded = runtime.Recorded(self._update, device)

    # ------------------------------------------------------------------------------- the contract

    def advance(self, count: int) -> None:
        """So many updates of every member."""
        for _ in range(count):
            self._recorded()

    @torch.no_grad()
    def measure(self) -> list[dict[str, float]]:
        """Loss and accuracy on both splits, and the norm of the weights, as of single runs."""
        a, b, answer = self._rows
        row = 4 * self._flat.element_size() * sum(shape[0] for shape in self._shapes.values())
        some = max(1, MEASURE_BYTES // (len(a) * row))

        def scores(weights: dict, train: Tensor, test: Tensor, labels: Tensor, temperature: Tensor) -> Tensor:
            logits = functional_call(self._model, weights, (a, b))
            read = []
            for index, right in ((train, labels), (test, answer[test])):
                part = logits[index]
                accuracy = (part.max(1).indices == right).to(part.dtype).mean()
                read += [self._loss(part, right, temperature), accuracy]
            return torch.stack(read)

        parts = []
        for start in range(0, len(self._flat), some):
            members = slice(start, start + some)
            data = [self._data[name][members] for name in ("train", "test", "labels", "temperature")]
            parts.append(vmap(scores)(self._weights(self._flat[members]), *data))
        table = torch.cat([torch.cat(parts), self._flat.norm(dim=1, keepdim=True)], dim=1).tolist()
        names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "weight_norm")
        return [dict(zip(names, numbers, strict=True)) for numbers in table]

    def keep(self, members: Sequence[int]) -> None:
        """Go on with these alone."""
        index = torch.tensor(members, device=self._device)
        self._configs = [self._configs[member] for member in members]
        for name, buffer in self._buffers.items():
            self._buffers[name] = buffer[index] if buffer.dim() else buffer
        self._data = {name: values[index] for name, values in self._data.items()}
        self._flat = self._flat[index]
        self._recorded.forget()

    def single(self, member: int) -> Any:
        """The member as an experiment of its own, a copy."""
        config = self._configs[member]
        experiment = config.experiment(config, self._device)
        weights = self._weights(self._flat[member : member + 1])
        state = {f"weights.{name}": value[0] for name, value in weights.items()}
        buffers = {name: b[member] if b.dim() else b for name, b in self._buffers.items()}
        experiment.load(state | {f"optimiser.{name}": value for name, value in buffers.items()})
        return experiment

    @staticmethod
    def most(device: torch.device) -> int:
        """As many as fit."""
        return 2**31

    # ------------------------------------------------------------------------------------ a step

    def _update(self) -> None:
        a, b, _ = self._rows
        data = self._data
        gradient = vmap(grad(self._loss_of))(
            self._weights(self._flat), a[data["train"]], b[data["train"]], data["labels"], data["temperature"]
        )
        flat = torch.cat([gradient[name].flatten(1) for name in self._shapes], dim=1)
        warm = ((self._buffers["updates"] + 1) / data["warmup"].clamp_min(1)).clamp_max(1)
        self._optimiser.update(
            self._flat,
            flat,
            self._buffers,
            lr=data["learning_rate"] * warm,
            weight_decay=data["weight_decay"],
            beta1=data["momentum"],
            beta2=data["beta2"],
            eps=data["epsilon"],
            momentum=data["momentum"],
        )

    def _loss_of(
        self, weights: dict[str, Tensor], a: Tensor, b: Tensor, labels: Tensor, temperature: Tensor
    ) -> Tensor:
        return self._loss(functional_call(self._model, weights, (a, b)), labels, temperature)

    def _loss(self, logits: Tensor, labels: Tensor, temperature: Tensor) -> Tensor:
        return self._value(logits / temperature, labels, precision=self._precision)

    def _weights(self, flat: Tensor) -> dict[str, Tensor]:
        parts = flat.split([shape.numel() for shape in self._shapes.values()], dim=1)
        named = zip(self._shapes.items(), parts, strict=True)
        return {name: part.reshape(len(flat), *shape) for (name, shape), part in named}
