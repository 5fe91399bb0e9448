"""Two genes that shut each other off, an outside signal, and cells that divide while one of the genes is on.

    dA/dt = (a_A A^2 + k) / (1 + a_A A^2 + g_B B^2 + g_C C^2 + k) - d A
    dB/dt = (a_B B^2 + k) / (1 + a_B B^2 + g_A A^2 + g_C C^2 + k) - d B
    dC/dt = a_C C^2 / (1 + a_C C^2) - d C                                    + noise on each; values reflected at 0
    d log mass / dt = r B^2 / (1 + B^2)

Half of the cells start with A on and turn over to B, where they multiply; the signal C holds the other half where they
are. After the circuit of Sha et al., "Reconstructing growth and dynamic trajectories from single-cell transcriptomics
data", Nat. Mach. Intell. 2024, doi:10.1038/s42256-023-00763-w, and Zhang, Li & Zhou, ICLR 2025, arXiv:2410.00844. The
pace and the rate of division were set so that the clouds and numbers of cells of their published tables come out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasDrift, HasGrowth, HasNetwork, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

GENES = ("A", "B", "C")
LABEL = "true start"
_SELF = np.array([0.5, 1.0, 1.0])  # a_A, a_B, a_C
_BLOCK_A, _BLOCK_B, _BLOCK_C = 0.5, 1.0, 10.0  # g_A (of A on B), g_B (of B on A), g_C (of C on both)
_MADE = 1.0  # k
_DECAY = 0.4  # d
_PACE = 8.0  # units of time of the equations in a day
_STARTS = np.array([[2.0, 0.2, 0.0], [0.0, 0.0, 2.0]])
_SPREAD = 0.1


@dataclass(frozen=True)
class Settings(Config):
    """How noisy the circuit is and how fast its cells divide."""

    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(5, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(4.0, "Last time point", 0.1, 20.0, "day")
    division_rate: float = setting(
        0.56, "Maximal division rate, of cells with a high level of gene B", 0.0, 3.0, "1/day"
    )
    noise: float = setting(0.14, "Diffusion coefficient sigma, the same for every gene", 0.01, 1.0, "1/sqrt(day)")
    step: float = setting(0.01, "Largest step of the numerical integration", 0.001, 0.02, "day")
    seed: int = setting(0, "Random seed", 0)


class GeneCircuit(Simulator, HasDrift, HasGrowth, HasNetwork):
    title = "Gene circuit with division"
    summary = (
        "Half of the cells turn from gene A to gene B and divide the faster the more of B they have; an outside signal "
        "holds the others back. How fast which cells multiply is known, so that learnt growth can be checked."
    )
    paper = "Sha et al. 2024, Nat. Mach. Intell., doi:10.1038/s42256-023-00763-w"
    time_unit = "day"
    axes = GENES
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """Independent cells at each time, drawn from the growing population, with the mass each time stands for."""
        use = self.settings
        found = sde.population(
            self,
            self.start_cells,
            np.linspace(0, use.last_time, use.n_times),
            use.cells_per_time,
            np.random.default_rng(use.seed),
            step=use.step,
            positive=True,
            fastest=use.division_rate,
        )
        held = np.where(found.x[:, 2] > 1.0, "signal", "A on")
        space = AffineSpace.of_genes(GENES)
        x = found.x.astype(np.float32)
        return Snapshots(x, found.t, space, self.time_unit, mass=found.mass, labels={LABEL: held})

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells genes"]:
        """Cells of day 0, half of them with gene A on and half under the signal, in random order."""
        x = _STARTS[rng.permutation(cells) % 2] + _SPREAD * rng.standard_normal((cells, 3))
        return np.maximum(x, 0.0)

    def drift(self, t: float, x: Float[Array, "cells genes"]) -> Float[Array, "cells genes"]:
        """Mean motion of cells in gene space (level / day), the same at all times."""
        on = _SELF * x**2
        a, b, c = (x**2).T
        others = np.stack([_BLOCK_B * b + _BLOCK_C * c, _BLOCK_A * a + _BLOCK_C * c, np.zeros(len(x))], axis=1)
        base = np.array([_MADE, _MADE, 0.0])
        return _PACE * ((on + base) / (1 + on + others + base) - _DECAY * x)

    def noise(self, t: float) -> Float[Array, " genes"]:
        """The same for every gene (level / sqrt(day))."""
        return np.full(len(GENES), self.settings.noise)

    def growth(self, t: float, x: Float[Array, "cells genes"]) -> Float[Array, " cells"]:
        """Rate of division (1 / day); no cell dies."""
        return self.settings.division_rate * x[:, 1] ** 2 / (1 + x[:, 1] ** 2)

    def mass(self, t: float) -> float:
        """Mean mass of 4,000 lines of descent; its standard error is 1 % at day 4."""
        rng = np.random.default_rng((self.settings.seed, 1))
        x = self.start_cells(4000, rng)
        _, log_mass = sde.final_state(self, x, 0.0, t, rng, step=self.settings.step, positive=True)
        return float(np.exp(log_mass).mean())

    def network(self) -> Int[Array, "genes genes"]:
        """A and B shut each other off, C shuts both off, and each makes itself."""
        return np.array([[1, -1, -1], [-1, 1, -1], [0, 0, 1]])
