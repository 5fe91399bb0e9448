"""What `compare.py` gives to the program of another package, and takes back.

Imported in the environment of that package, so that it needs nothing but numpy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Fold:
    """Cells of the training times, and what has to be predicted.

    frames       cells of each training time [cells, dim], float32
    positions    of these times among all measured times, the held-out one included: 0, 1, 3, 4 where the third is
                 held out. The authors' programs for single cells count intervals so
    times        the measured times themselves
    start        cells to start from [cells, dim], those of the time before the held-out one; one prediction for each
    start_index  of their time among `times`
    time         the held-out time; its position is that of the start plus one
    method       which of the methods of the package
    seed         of all random numbers
    repository   folder of the authors' program, where it is no package
    iterations   share of the authors' iterations that are made; 1: all of them
    """

    frames: list[Array]
    positions: list[int]
    times: list[float]
    start: Array
    start_index: int
    time: float
    method: str
    seed: int
    repository: str
    iterations: float

    @property
    def share(self) -> float:
        """Share of the interval around the held-out time that lies before it, by position."""
        return 1 / (self.positions[self.start_index + 1] - self.positions[self.start_index])


Predict = Callable[[], "Array | tuple[Array, Array]"]


def run(train: Callable[[Fold], Predict]) -> None:
    """Read the fold named on the command line, train, predict and write: the whole program of a package.

    train  gives back a function for the predicted cells [cells, dim], or these and their weights [cells]. Its
           CPU seconds are the cost that is written, without the imports before it and the prediction after it
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("fold", type=Path)
    parser.add_argument("prediction", type=Path)
    parser.add_argument("--method", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--repository", default="")
    parser.add_argument("--iterations", type=float, default=1.0)
    asked = parser.parse_args()
    with np.load(asked.fold, allow_pickle=False) as stored:
        x, t, start, time_out = (stored[name] for name in ("x", "t", "start", "time"))
    times = np.unique(t)
    every = np.union1d(times, time_out)
    fold = Fold(
        frames=[x[t == each].astype(np.float32) for each in times],
        positions=np.searchsorted(every, times).tolist(),
        times=times.tolist(),
        start=start.astype(np.float32),
        start_index=int(np.searchsorted(times, time_out)) - 1,
        time=float(time_out),
        method=asked.method,
        seed=asked.seed,
        repository=asked.repository,
        iterations=asked.iterations,
    )
    began = time.process_time()
    predict = train(fold)
    cpu = time.process_time() - began
    cells = predict()
    cells, weight = cells if isinstance(cells, tuple) else (cells, np.ones(len(cells)))
    np.savez(asked.prediction, x=np.asarray(cells), weight=np.asarray(weight), cpu=cpu)
