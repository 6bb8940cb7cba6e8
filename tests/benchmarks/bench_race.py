"""Page 5.2: the race, 12 activations × 5 learning rates × 4 seeds, against one network after another."""

from collections.abc import Iterator

import torch

from labkit.experiments.activations import race
from tests.benchmarks.row import Row, at_least, medians

CPU = torch.device("cpu")


def rows() -> Iterator[Row]:
    """One update of all 240; singles on torch's threads or on one core, whichever is faster."""
    for data in race.DATA:
        config = race.Config(data=data, batch=200 if data == "spirals" else 64)
        groups = [
            [
                config.replace(activation=name, learning_rate=rate, seed=seed)
                for rate in race.RATES[:5]
                for seed in range(4)
            ]
            for name in race.RACERS
        ]
        together = [race.Runs(group, CPU) for group in groups]
        singles = [race.Runs([each], CPU) for group in groups for each in group]

        def ensembles(together: list = together) -> None:
            for each in together:
                each.advance(1)

        def one_after_another(singles: list = singles) -> None:
            for each in singles:
                each.advance(1)

        def on_one_core(work=one_after_another) -> None:
            usual = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                work()
            finally:
                torch.set_num_threads(usual)

        took = medians(3, together=ensembles, threads=one_after_another, core=on_one_core)
        single = min(took["threads"], took["core"])
        title = f"page 5.2, {len(singles)} nets of 3 × 32 on {data}: one after another"
        title = f"{title} ({single * 1e3:.0f} ms) / together ({took['together'] * 1e3:.0f} ms)"
        yield at_least(title, single / took["together"], 2.0)
