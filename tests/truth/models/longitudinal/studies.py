"""Studies of drugs that were measured or simulated, and how far forecasts of them are off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cellflow_core.data.simulators.pkpd import Pkpd
from cellflow_core.data.simulators.pkpd import Settings as PkpdSettings
from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, HasCourses
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray


class Forecaster(DynamicsModel, HasCourses):
    """A model with courses, for type checkers."""


def theophylline(shared: Path) -> Trajectories:
    table = pd.read_csv(shared / "pharmacokinetics" / "theo_sd.csv")
    rows, given = table[table.EVID == 0], table[table.AMT > 0]
    weight = rows.groupby("ID").WT.first()
    return Trajectories(
        rows.ID.to_numpy(),
        rows.TIME.to_numpy(),
        rows.DV.to_numpy()[:, None],
        np.ones((len(rows), 1), bool),
        ("concentration (mg/L)",),
        "h",
        DoseEvents(given.ID.to_numpy(), given.TIME.to_numpy(), given.AMT.to_numpy()),
        {"WT": weight.to_numpy()},
    )


def warfarin(shared: Path, response: bool = True) -> Trajectories:
    """Concentration (mg/L) and prothrombin complex activity (%), or the concentration alone."""
    table = pd.read_csv(shared / "pharmacokinetics" / "warfarin.csv")
    given, rows = table[table.evid == 1], table[table.evid == 0]
    rows = rows.groupby(["id", "time", "dvid"]).dv.mean().unstack().reset_index()
    rows = rows if response else rows[rows.cp.notna()]
    x = rows[["cp", "pca"] if response else ["cp"]].to_numpy()
    subjects = rows.id.unique()
    return Trajectories(
        rows.id.to_numpy(),
        rows.time.to_numpy(),
        np.nan_to_num(x),
        np.isfinite(x),
        ("concentration (mg/L)", "activity (%)")[: x.shape[1]],
        "h",
        DoseEvents(*(given[each].to_numpy() for each in ("id", "time", "amt"))),
        {"wt": table.groupby("id").wt.first().loc[subjects].to_numpy()},
    )


def trastuzumab_emtansine(shared: Path) -> Trajectories:
    """The simulated antibody-drug conjugate of Lu et al. 2021, with the interval between doses (weeks) as a label.

    Concentrations in the rows of doses are those of the row before, and not measured.
    """
    table = pd.read_csv(shared / "pharmacokinetics" / "neural_pk_sim_data.csv")
    given, rows = table[table.AMT > 0], table[table.AMT == 0]
    rows = rows.groupby(["PTNM", "TIME"], as_index=False).first()
    every = table.groupby("PTNM").DSFQ.first().loc[np.unique(rows.PTNM)]
    return Trajectories(
        rows.PTNM.astype(int).to_numpy(),
        rows.TIME.to_numpy(),
        rows.DV.to_numpy()[:, None],
        np.ones((len(rows), 1), bool),
        ("concentration (µg/mL)",),
        "h",
        DoseEvents(given.PTNM.astype(int).to_numpy(), given.TIME.to_numpy(), given.AMT.to_numpy()),
        {},
        {"weeks between doses": every.astype(int).astype(str).to_numpy()},
    )


def concentrations(**settings) -> Trajectories:
    """People of the simulator of a swallowed drug with linear kinetics; the concentration alone."""
    found = Pkpd(PkpdSettings(**settings)).trajectories()
    first = {name: getattr(found, name)[:, :1] for name in ("x", "observed", "censored")}
    return replace(found, **first, variables=found.variables[:1])


def without(data: Trajectories, held: Array) -> Trajectories:
    """The same individuals without the rows that are `held`."""
    return replace(data, observed=data.observed & ~held[:, None])


def trained(name: str, data: Trajectories, seed: int = 0, training: dict | None = None, **settings) -> Forecaster:
    model = registry.create(name, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", type(model), **(training or {})), seed=seed)
    assert isinstance(model, HasCourses)
    return model.eval()  # pyright: ignore[reportReturnType]


def batch_of(data: Trajectories, model: DynamicsModel, seed: int = 0) -> TrajectoryBatch:
    """All individuals, in the order of `data.subjects`."""
    return TrajectoryTensors.from_trajectories(data, spec=model.spec).take(
        slice(None), torch.Generator().manual_seed(seed)
    )


def at_own_times(model: Forecaster, batch: TrajectoryBatch, draws: int = 200, seed: int = 0) -> torch.Tensor:
    """Courses of each individual at its own rows, [draws, batch, rows, variables]."""
    times = batch.t.unique()
    with torch.no_grad():
        found = model.courses(batch, times, draws, torch.Generator().manual_seed(seed))
    place = torch.searchsorted(times, batch.t.contiguous())
    return found.gather(2, place[None, ..., None].expand(draws, -1, -1, found.shape[3]))


def rmspe(predicted: torch.Tensor, x: torch.Tensor, seen: torch.Tensor) -> float:
    """Root mean square of the errors over the root mean square of the values."""
    return float(((predicted - x)[seen].square().mean() / x[seen].square().mean()).sqrt())


def coverage(drawn: torch.Tensor, x: torch.Tensor, seen: torch.Tensor, level: float = 0.9) -> float:
    """Share of the values within the central band of the draws."""
    low, high = (drawn.quantile(q, dim=0) for q in ((1 - level) / 2, (1 + level) / 2))
    return float(((x >= low) & (x <= high))[seen].float().mean())


def area(courses: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Area under mean courses, [batch, variables]."""
    return torch.trapezoid(courses.mean(dim=0), times, dim=1)
