"""The ground of networks that are estimated from states alone: of all cells, and of each group of an annotation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import DynamicsModel, HasNetwork, Phase
from cellflow_core.plural import counted

Array = np.ndarray
LEAST_CELLS = 10
"""A group of fewer cells gets no network."""
MOST_INFLUENCES = 100_000_000
"""Influences that are stored of all groups together (400 MB)."""


@dataclass(frozen=True)
class GroupSettings(Config):
    annotation: str = setting(
        "",
        "annotation whose groups get networks of their own, beside that of all cells; empty: none",
        label="Networks of groups",
    )


class GroupNetworks(DynamicsModel, HasNetwork):
    """Needs genes as axes and no times: cells of all times are taken as one population."""

    needs = frozenset({DataRequirement.GENE_AXES})
    counts_intervals = False
    annotation_setting = "annotation"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    Config = GroupSettings
    config: Any

    influence: Tensor  # [groups, genes, genes], the first of all cells
    cells: Tensor  # [groups]

    def __init__(self, config: GroupSettings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        known = dict(spec.labels)
        if config.annotation and config.annotation not in known:
            listed = ", ".join(known) or "none"
            raise ValueError(f"the cells have no annotation {config.annotation!r}; they have {listed}")
        self.groups = ("", *(each for each in known.get(config.annotation, ()) if each))
        if len(self.groups) * spec.dim**2 > MOST_INFLUENCES:
            raise ValueError(
                f"{counted(len(self.groups), 'network')} of {spec.dim:,} genes are too large to be stored: take fewer "
                "genes or an annotation with fewer groups"
            )
        self.register_buffer("influence", torch.zeros(len(self.groups), spec.dim, spec.dim))
        self.register_buffer("cells", torch.zeros(len(self.groups), dtype=torch.int64))

    @abstractmethod
    def estimate(self, x: Float[Array, "cells genes"], rng: np.random.Generator) -> Float[Array, "genes genes"]:
        """Signed influences, targets in rows, from the states of `LEAST_CELLS` cells or more."""

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("network", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Raises ValueError where there are too few cells for the network of all of them."""
        x = torch.cat(frames.x).double().cpu().numpy()
        if len(x) < LEAST_CELLS:
            raise ValueError(f"{counted(len(x), 'cell')} are too few for a network: {LEAST_CELLS} are needed")
        seed = int(torch.randint(2**31 - 1, (), generator=rng, device=rng.device))
        for k, rows in enumerate(self._members(frames, len(x))):
            self.cells[k] = int(rows.sum())
            if rows.sum() >= LEAST_CELLS:
                self.fit_group(k, x[rows], np.random.default_rng((seed, k)))

    def fit_group(self, place: int, x: Float[Array, "cells genes"], rng: np.random.Generator) -> None:
        self.influence[place] = torch.from_numpy(self.estimate(x, rng)).to(self.influence)

    def _members(self, frames: SnapshotTensors, cells: int) -> Iterator[Bool[Array, " cells"]]:
        """The cells of each group, by mask."""
        yield np.ones(cells, bool)
        if self.config.annotation:
            names = dict(self.spec.labels)[self.config.annotation]
            code = torch.cat(frames.cell_data[f"label {self.config.annotation}"]).cpu().numpy()
            for group in self.groups[1:]:
                yield code == names.index(group)

    def notes(self) -> tuple[str, ...]:
        small = [name for name, cells in zip(self.groups, self.cells.tolist(), strict=True) if cells < LEAST_CELLS]
        if not small or not self.cells[0]:
            return ()
        return (f"Fewer than {LEAST_CELLS} cells, so without a network of their own: {', '.join(small)}.",)

    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        return self.influence[self.place(group)]

    def place(self, group: str) -> int:
        """The number of a group. Raises KeyError that lists the groups, for one of too few cells as well."""
        if group in self.groups and (not group or self.cells[self.groups.index(group)] >= LEAST_CELLS):
            return self.groups.index(group)
        with_network = [g for g, n in zip(self.groups, self.cells.tolist(), strict=True) if g and n >= LEAST_CELLS]
        raise KeyError(f"there is no group {group!r} with a network; there are {', '.join(with_network) or 'none'}")


def correlation_matrix(x: Float[Array, "cells genes"]) -> Float[Array, "genes genes"]:
    """Pearson correlations of the columns, 0 with a column that does not vary and of a column with itself."""
    centered = x - x.mean(axis=0)
    size = np.sqrt(np.square(centered).sum(axis=0))
    moving = size > 1e-12 * np.abs(x).max(axis=0, initial=0.0) * np.sqrt(len(x))
    unit = np.divide(centered, size, where=moving, out=np.zeros_like(centered))
    found = np.clip(unit.T @ unit, -1.0, 1.0)
    np.fill_diagonal(found, 0.0)
    return found


def chosen_genes(names: str, genes: tuple[str, ...], what: str) -> Bool[Array, " genes"]:
    """Which genes are named in a text with commas, as a mask; all where it is empty.

    what  they are called in the ValueError that is raised where none of the names is a gene
    """
    wanted = {each.strip() for each in names.split(",") if each.strip()}
    found = np.array([not wanted or each in wanted for each in genes], dtype=bool)
    if not found.any():
        raise ValueError(f"none of the {len(wanted):,} {what} is a gene of these data: name genes as the axes are")
    return found
