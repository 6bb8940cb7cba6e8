"""Collapse of a model that somebody else trains: two lines in their loop, a tidy frame back."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from labkit import _checks
from labkit.measures.collapse.decisions import nearest_mean as nearest
from labkit.measures.collapse.frames import missing_target
from labkit.measures.collapse.moments import Array, ClassMoments, checked_labels
from labkit.measures.collapse.reading import collapse_measures

if TYPE_CHECKING:
    import pandas

#: Features that wait at most, to be summed up together: small batches one by one would cost their calls.
WAITING = 2_048
#: The layer of rows that are about the input of the last ``nn.Linear``.
PENULTIMATE = "penultimate"


class CollapseMeter:
    r"""Reads the collapse of a classifier off a loader, batch by batch, in memory that does not grow with it.

    In a loop of one's own::

        meter = CollapseMeter(model)              # before the loop
        for epoch in range(100):
            train(model, loader)
            frame = meter(loader)                 # after an epoch: all rows so far

    Features are the input of the model's last ``nn.Linear``, whose rows are the classifier's; or what the
    named layers put out, flattened to (R, d). A frame has one row a reading and layer: "step", "layer",
    "samples", the names of :func:`~labkit.measures.collapse.reading.collapse_measures`, and "nearest_mean"
    (NC4), for which the loader is gone through again. ``frame.attrs["notes"]`` says what cannot be reached
    in too few dimensions.

    Such a pass costs a third of a training epoch or more. A few percent, if the meter takes the features that
    training computes anyway::

        for x, labels in meter.batches(loader):   # in place of the loader, in the epoch itself
            ...                                   # as before
        frame = meter.frame

    Weights move in the meantime, so that this is an average over the epoch, and without "nearest_mean".

    Args:
        model: any module that maps a batch to logits (R, C).
        layer: a name of ``model.named_modules()``, or several; ``None`` means the input of the last
            ``nn.Linear``.
        classes: C; ``None`` means as many as the last ``nn.Linear`` has outputs.

    Attributes:
        notes: what cannot be reached, in words.

    Raises:
        ValueError: an unknown layer (the nearest is told), or no ``nn.Linear`` in a model of which layer or
            classes are not told.
    """

    def __init__(
        self, model: nn.Module, layer: str | Sequence[str] | None = None, *, classes: int | None = None
    ) -> None:
        linear = [one for one in model.modules() if isinstance(one, nn.Linear)]
        if not linear and (layer is None or classes is None):
            raise ValueError("model: got none with an nn.Linear; allowed: one, or layer=... and classes=...")
        self.model, self.notes = model, ()
        self._head = linear[-1] if linear else None
        self.classes = self._head.out_features if classes is None else classes
        named = dict(model.named_modules())
        names = [] if layer is None else [layer] if isinstance(layer, str) else layer
        self._layers = {name: _checks.lookup(named, name, "layer") for name in names}
        self._latest: dict[str, Tensor] = {}
        self._waiting: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self._sums: dict[str, ClassMoments] = {}
        self._rows: list[dict[str, Any]] = []

    def __call__(
        self, loader: Iterable, step: int | None = None, *, nearest_mean: bool = True
    ) -> "pandas.DataFrame":
        """Read the model as it is, in eval mode and without gradients; returns all rows so far.

        Args:
            loader: batches (inputs, labels). Their order and size do not matter.
            step: what these rows are numbered by; ``None`` counts the readings.
            nearest_mean: whether to go through the loader a second time, for NC4.

        Raises:
            ValueError: labels that do not fit, features that are not finite, a class without a sample
                (which), a loader that can be gone through once only.
        """
        if nearest_mean and iter(loader) is loader:
            raise ValueError(
                "loader: got an iterator, which cannot be gone through twice; "
                "allowed: a DataLoader or list of batches, or nearest_mean=False"
            )
        self._sums, self._waiting = {}, {}
        with self.watching(), self._at_rest():
            for x, labels in loader:
                self.model(x.to(self._device))
                self.add(labels)
            wrong = self._disagreement(loader) if nearest_mean else {}
        return self.read(step, **wrong)

    def batches(self, loader: Iterable, step: int | None = None) -> Iterator[Any]:
        """Hand on the loader's batches, and read the features that the model computes of each.

        Features are those of the last forward pass on a batch, as training sees them (dropout included). The
        reading is in :attr:`frame` once the loader is at its end; a loop that is left before reads nothing.

        Args:
            loader: batches whose second item is the labels.
            step: as in a call.

        Raises:
            ValueError: as a call; a batch that the model did not see.
        """
        self._sums, self._waiting = {}, {}
        with self.watching():
            for batch in loader:
                yield batch
                self.add(batch[1])
        self.read(step)

    @contextmanager
    def watching(self) -> Iterator["CollapseMeter"]:
        """Keep the features of each forward pass until :meth:`add` takes them in, for a loop of another kind.

        :meth:`read` then finishes the reading.
        """

        def keep(name: str, features: Tensor) -> None:
            self._latest[name] = features.detach().flatten(1)

        if self._layers:
            hooks = [
                layer.register_forward_hook(lambda _, x, out, name=name: keep(name, out))
                for name, layer in self._layers.items()
            ]
        else:
            hooks = [self._head.register_forward_pre_hook(lambda _, x: keep(PENULTIMATE, x[0]))]
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()
            self._latest = {}

    def add(self, labels: Array) -> None:
        """Take in the features of the latest forward pass.

        Raises:
            ValueError: there was none since the last call, labels that do not fit, features not finite.
        """
        if not self._latest:
            raise ValueError(
                "features: got none; allowed: one forward pass before each add, inside of 'with watching()'"
            )
        labels = torch.as_tensor(labels)
        latest, self._latest = self._latest, {}
        for name, features in latest.items():
            if len(features) != len(labels):
                raise ValueError(f"labels: got {len(labels)}; allowed: {len(features)}, one a feature")
            self._waiting.setdefault(name, []).append((features, labels))
            if sum(len(some) for _, some in self._waiting[name]) >= WAITING:
                self._sum_up(name)

    def _sum_up(self, name: str) -> None:
        features, labels = (torch.cat(parts) for parts in zip(*self._waiting.pop(name), strict=True))
        if name not in self._sums:
            self._sums[name] = ClassMoments(self.classes, features.shape[1], device=features.device)
        self._sums[name].add(features, labels)

    def _sum_up_all(self) -> None:
        for name in list(self._waiting):
            self._sum_up(name)

    def read(self, step: int | None = None, **more: dict[str, float]) -> "pandas.DataFrame":
        """Finish a reading of what :meth:`add` took in; the next begins empty.

        Args:
            step: what these rows are numbered by; ``None`` counts the readings.
            **more: further columns, each by layer.

        Raises:
            ValueError: nothing was taken in, or a class without a sample (which).
        """
        self._sum_up_all()
        if not self._sums:
            raise ValueError("features: got none; allowed: a reading after one or more batches")
        sums, self._sums = self._sums, {}
        if step is None:
            step = len({row["step"] for row in self._rows})
        rows, notes = [], []
        for name, moments in sums.items():
            weight, bias = self._classifier(name, moments)
            row = {"step": step, "layer": name, "samples": moments.complete().rows}
            row |= collapse_measures(moments, weight, bias)
            rows.append(row | {column: by_layer[name] for column, by_layer in more.items()})
            if note := missing_target(self.classes, moments.width):
                notes.append(f"{name}: {note}")
        self._rows += rows
        self.notes = tuple(notes)
        return self.frame

    @property
    def frame(self) -> "pandas.DataFrame":
        """All rows so far."""
        import pandas  # half a second to import, so only where it is used

        frame = pandas.DataFrame(self._rows)
        frame.attrs["notes"] = list(self.notes)
        return frame

    def _classifier(self, name: str, moments: ClassMoments) -> tuple[Tensor | None, Tensor | None]:
        """The last layer, if these are its inputs."""
        if name != PENULTIMATE or self._head.out_features != self.classes:
            return None, None
        return self._head.weight, self._head.bias

    def _disagreement(self, loader: Iterable) -> dict[str, dict[str, float]]:
        self._sum_up_all()
        wrong = dict.fromkeys(self._sums, 0)
        means = {name: sums.complete().means for name, sums in self._sums.items()}
        for x, labels in loader:
            decided = self.model(x.to(self._device)).argmax(1)
            checked_labels(labels, self.classes, len(decided))
            for name, features in self._latest.items():
                near = nearest(features.to(means[name].device), means[name])
                wrong[name] += int((near != decided.to(near.device)).sum())
        return {"nearest_mean": {name: count / self._sums[name].rows for name, count in wrong.items()}}

    @property
    def _device(self) -> torch.device:
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """Eval mode without gradients; every module is left as it was found."""
        were = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for module, training in were:
                module.training = training
