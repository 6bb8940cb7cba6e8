"""What a spectral-bias run shows."""

from typing import TYPE_CHECKING

import numpy as np

from labkit.experiments.spectral_bias_runs import Runs, shown
from labkit.pictures import Heatmap, Line, Lines, Picture, Scatter

if TYPE_CHECKING:
    from labkit.experiments.spectral_bias import Config

#: Notes that get a curve of their own, from the lowest to the highest.
CURVES = 4


def curves(frequencies: list[int]) -> list[int]:
    """Some of them, spread evenly, both ends included."""
    places = np.linspace(0, len(frequencies) - 1, min(CURVES, len(frequencies)))
    return [frequencies[int(round(place))] for place in places]


def pictures(config: "Config") -> tuple[Picture, ...]:
    """Frequency × step, the function, notes with their predictions, losses, drift of the kernel, pieces."""
    known = shown(config)
    frequencies, predicts = known.frequencies.tolist(), Runs.predicts(config)
    notes, losses = [], [Line("train_loss", "measured")]
    for shade, k in enumerate(curves(frequencies)):
        notes.append(Line(f"a_{k}", f"k = {k}", shade=shade))
        if predicts:
            notes.append(Line(f"ntk_{k}", f"its kernel, {k}", shade=shade, theory=True))
    if predicts:
        losses.append(Line("ntk_loss", "the kernel of the start", shade=1, theory=True))
        title = "each note, dashed: what its kernel predicts"
    else:
        title = f"each note ({'Adam' if config.optimizer == 'adam' else 'FINER'} follows no kernel)"
    drift = (
        Line("kernel_change", "moved, ‖Θ − Θ₀‖/‖Θ₀‖"),
        Line("kernel_alignment", "cosine with Θ₀", shade=1),
    )
    made: list[Picture] = [
        Heatmap(
            "spectrum",
            "what is learnt of each frequency",
            "amplitudes",
            ylabel="frequency",
            y=tuple(frequencies),
            vrange=(0.0, 1.2),
            colour_label="learned / target amplitude",
        ),
        Scatter(
            "fit",
            "the network (points) and its target",
            "fit",
            xlabel="angle / 2π" if config.domain == "circle" else "x",
            ylabel="f(x)",
            lines=(Line(known.y.numpy(), "target", x=known.x.numpy(), shade=1),),
            colour_label="|f − target|",
        ),
        Lines("notes", title, tuple(notes), ylabel="learned / target amplitude", ylim=(0.0, 1.3)),
        Lines("loss", "loss", tuple(losses), ylabel="mean squared error", yscale="log"),
        Lines("kernel", "has the kernel moved?", drift, ylabel="of the empirical NTK", yscale="log"),
    ]
    if config.kind == "mlp" and config.activation == "relu" and config.encoding == "none":
        pieces = (Line("regions", "pieces"),)
        made.append(
            Lines(
                "regions",
                "pieces into which ReLU cuts [0, 1]",
                pieces,
                ylabel="pieces",
                yscale="log",
                note="" if config.domain == "interval" else "the circle is no line",
            )  # fmt: skip
        )
    return tuple(made)
