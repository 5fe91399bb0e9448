"""Individuals followed over time: whole in every batch and every split, masked where nothing was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.data import store
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.readers.anndata_io import read_snapshots, write_snapshots
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.pkpd import Pkpd, Settings
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.steps.pseudotime import _in_order
from cellflow_core.data.store import save_dataset
from cellflow_core.data.store.snapshots_file import load_snapshots, save_snapshots
from cellflow_core.data.train_validation_split import (
    earlier_part,
    forecast_split,
    held_out_later,
    later_times,
    validation_split,
)
from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors


def three() -> Trajectories:
    """Individuals 4, 7 and 9 with 3, 1 and 2 rows, given unsorted; the second variable is missing twice."""
    return Trajectories(
        subject=np.array([9, 4, 4, 7, 4, 9]),
        t=np.array([5.0, 2.0, 0.5, 1.0, 8.0, 3.0]),
        x=np.array([[9.0, 95], [4, np.nan], [4, 40], [7, 71], [4, 48], [9, np.nan]]),
        observed=np.array([[1, 1], [1, 0], [1, 1], [1, 1], [1, 1], [1, 0]], bool),
        variables=("concentration", "activity"),
        time_unit="hour",
        doses=DoseEvents(np.array([4, 9, 4]), np.array([6.0, 0.0, 0.0]), np.array([10.0, 20.0, 10.0])),
        covariates={"weight": np.array([50.0, 70.0, 90.0])},
        labels={"sex": np.array(["f", "m", "f"])},
    )


def masked() -> Trajectories:
    """The three, with infusions, two treatments, a value below the limit of quantification and a known network."""
    doses = DoseEvents(*three().doses.arrays.values())
    return replace(
        three(),
        doses=replace(doses, duration=np.array([2.0, 0, 0]), treatment=np.array([0, 1, 0])),
        treatments=("drug (mg)", "radiation (Gy)"),
        censored=np.array([0, 0, 1, 0, 0, 0], bool)[:, None].repeat(2, axis=1),
        network=PriorNetwork("made", np.array(["activity"]), np.array(["concentration"]), np.array([-1.0])),
    )


def test_rows_are_sorted_and_missing_values_are_masked() -> None:
    data = three()
    assert data.subject.tolist() == [4, 4, 4, 7, 9, 9] and data.t.tolist() == [0.5, 2.0, 8.0, 1.0, 3.0, 5.0]
    assert data.x[:, 1].tolist() == [40, 0, 48, 71, 0, 95] and not data.observed[1, 1]
    assert data.has >= {DataRequirement.SUBJECTS, DataRequirement.DOSE, DataRequirement.TIMES}
    assert data.spec.center == pytest.approx((37 / 6, 63.5)) and data.spec.labels == (("sex", ("f", "m")),)


def test_a_model_knows_covariates_and_treatments_from_either_form() -> None:
    stored = masked().to_snapshots()
    stored = replace(stored, channels={**stored.channels, "covariates": {**stored.covariates, "age at row": stored.t}})
    for spec in (masked().spec, stored.spec):
        assert (spec.covariates, spec.treatments) == (("weight",), ("drug (mg)", "radiation (Gy)"))
    assert replace(stored, channels={}, doses=None).spec.covariates == ()


def test_what_cannot_be_a_trajectory_is_refused() -> None:
    data = three()
    with pytest.raises(ValueError, match="missing or infinite"):
        replace(data, x=np.full((6, 2), np.nan))
    with pytest.raises(ValueError, match="2 values"):
        replace(data, covariates={"weight": np.zeros(2)})
    with pytest.raises(KeyError, match="individual 5"):
        data.take([4, 5])


def test_individuals_are_taken_whole_with_their_doses() -> None:
    some = three().take([9, 4])
    assert some.subjects.tolist() == [4, 9] and len(some.t) == 5 and len(some.doses.time) == 3
    assert some.covariates["weight"].tolist() == [50, 90] and some.labels["sex"].tolist() == ["f", "f"]


def test_stored_and_read_they_are_the_same(tmp_path) -> None:
    three().save(tmp_path / "a.npz")
    found = Trajectories.load(tmp_path / "a.npz")
    assert found.fingerprint == three().fingerprint and found.spec == three().spec
    assert found.fingerprint != replace(three(), covariates={"weight": np.zeros(3)}).fingerprint
    assert found.fingerprint != replace(three(), doses=DoseEvents()).fingerprint


def test_a_batch_holds_whole_individuals_padded_and_masked() -> None:
    tensors = TrajectoryTensors.from_trajectories(three())
    whole = tensors.take(slice(None), torch.Generator())
    assert whole.t.tolist() == [[0.5, 2.0, 8.0], [1.0, 1.0, 1.0], [3.0, 5.0, 5.0]]
    assert whole.observed[1].tolist() == [[True, True], [False, False], [False, False]]
    assert whole.x[2].tolist() == [[9, 0], [9, 95], [0, 0]]
    assert whole.doses.time.tolist() == [[0, 6], [0, 0], [0, 0]] and whole.doses.times == (0.0, 6.0)
    assert whole.doses.amount.tolist() == [[10, 10], [0, 0], [20, 0]]
    assert whole.known["label sex"].tolist() == [0, 1, 0] and whole.known["covariate weight"].tolist() == [50, 70, 90]
    batch = tensors.batch(8, torch.Generator().manual_seed(0))
    assert batch.t.shape == (8, 3) and batch.x.shape == batch.observed.shape == (8, 3, 2)
    seen = whole.until(torch.tensor([2.0, 0.0, 3.0]))  # a forecast starts from what was measured by then
    assert seen.observed.any(dim=2).tolist() == [[True, True, False], [False] * 3, [True, False, False]]
    assert seen.x[0].tolist() == [[4, 40], [4, 0], [0, 0]] and seen.doses is whole.doses
    assert not whole.until(-float("inf")).observed.any()
    part = TrajectoryTensors.from_trajectories(three().take([7]), spec=three().spec)
    assert part.known["label sex"].tolist() == [1]


def test_infusions_treatments_and_limits_of_quantification_are_kept(tmp_path) -> None:
    data = masked()
    assert data.take([4]).doses.duration.tolist() == [2, 0] and data.take([9]).doses.treatment.tolist() == [1]
    assert data.take([4]).censored.any(axis=1).tolist() == [False, False, True]
    data.save(tmp_path / "a.npz")
    found = Trajectories.load(tmp_path / "a.npz")
    assert found.fingerprint == data.fingerprint != three().fingerprint and found.treatments == data.treatments
    batch = TrajectoryTensors.from_trajectories(data).take(slice(None), torch.Generator())
    assert batch.doses.times == (0.0, 6.0, 8.0) and batch.doses.treatment.tolist() == [[0, 0], [0, 0], [1, 0]]
    assert batch.censored[0].tolist() == [[False] * 2, [False] * 2, [True] * 2] and batch.x[0, 2].tolist() == [4, 48]
    assert not batch.until(2.0).censored.any()
    with pytest.raises(ValueError, match="treatment 2"):
        replace(data, treatments=("drug (mg)",))
    with pytest.raises(ValueError, match="each dose needs"):
        replace(data.doses, amount=np.zeros(1))


def test_a_prior_network_comes_with_the_individuals(tmp_path) -> None:
    masked().save(tmp_path / "a.npz")
    found = Trajectories.load(tmp_path / "a.npz")
    assert found.fingerprint == masked().fingerprint != replace(masked(), network=None).fingerprint
    assert DataRequirement.NETWORK in found.has and DataRequirement.NETWORK not in three().has
    prior = TrajectoryTensors.from_trajectories(found.take([4])).prior
    assert prior is not None and prior.tolist() == [[0, -1], [0, 0]]
    assert TrajectoryTensors.from_trajectories(three()).prior is None


@pytest.mark.parametrize("times", ["common", "irregular"])
def test_no_individual_is_in_training_and_validation(times) -> None:
    process = Pkpd(Settings(subjects=40, times=times))
    whole = process.trajectories()
    train, held = validation_split(whole, 0.2, seed=3)
    assert held is not None and len(held.subjects) == 8
    assert not set(train.subjects) & set(held.subjects) and len(train.t) + len(held.t) == len(whole.t)
    data = process.simulate()
    cells, held_out = validation_split(data, 0.2, seed=3)
    if times == "irregular":  # hardly a time is shared, so snapshots have nothing to validate on
        assert held_out is None and len(cells.x) == len(data.x)
        return
    assert held_out is not None and cells.subject is not None and held_out.subject is not None
    assert len(np.unique(held_out.subject)) == 8 and not set(cells.subject) & set(held_out.subject)
    assert cells.times.tolist() == held_out.times.tolist() == data.times.tolist()


@pytest.mark.parametrize("times", ["common", "irregular"])
def test_snapshots_of_individuals_become_trajectories(times) -> None:
    process = Pkpd(Settings(subjects=10, n_doses=3, times=times))
    found, data = process.trajectories(), process.simulate()
    assert len(found.doses.time) == 30 and found.treatments == ("drug (mg)",) and not found.labels
    assert DataRequirement.DOSE in data.has and set(found.take([4]).doses.time) == {0.0, 12.0, 24.0}
    once = Trajectories.from_snapshots(replace(data, doses=None))  # as stored before doses were events
    assert (once.doses.time == 0).all() and len(once.doses.time) == 10
    with pytest.raises(ValueError, match="individuals"):
        Trajectories.from_snapshots(replace(data, subject=None, doses=None))


@pytest.mark.parametrize("by", ["memory", "store", "h5ad"])
def test_a_data_set_keeps_what_trajectories_know(tmp_path, by) -> None:
    data = masked().to_snapshots()
    if by == "store":
        save_snapshots(tmp_path / "a.npz", data)
        data = load_snapshots(tmp_path / "a.npz")
    if by == "h5ad":
        write_snapshots(tmp_path / "a.h5ad", data)
        data = read_snapshots(tmp_path / "a.h5ad", data.fingerprint)
    assert Trajectories.from_snapshots(data).fingerprint == masked().fingerprint
    assert data.fingerprint == masked().to_snapshots().fingerprint != three().to_snapshots().fingerprint
    assert data.x[:, 1].tolist() == pytest.approx([40, 41.6, 48, 71, 95, 95])  # linear between, nearest at the ends
    few = data.take(data.subject == 9)
    assert (
        few.doses is not None and few.doses.subject.tolist() == [9] and Trajectories.from_snapshots(few).subjects == 9
    )


def test_a_variable_that_an_individual_lacks_is_filled_with_the_mean() -> None:
    lacking = replace(
        three(), observed=three().observed & (np.array([1, 1, 1, 0, 1, 1], bool)[:, None] | [True, False])
    )
    assert lacking.to_snapshots().x[3, 1] == pytest.approx((40 + 48 + 95) / 3)
    with pytest.raises(ValueError, match="no individual"):
        replace(three(), observed=three().observed & [True, False]).to_snapshots()
    with pytest.raises(ValueError, match="whose they are"):
        replace(three().to_snapshots(), subject=None)


def test_what_was_measured_later_is_held_out() -> None:
    history, future = forecast_split(masked(), share=0.4)
    assert history.t.tolist() == [0.5, 2.0, 1.0, 3.0, 5.0] and future.t.tolist() == [8.0]
    assert future.subjects.tolist() == [4] and len(future.doses.time) == 2 and future.covariates["weight"] == [50.0]
    history, future = forecast_split(masked(), after=2.5)
    assert history.subjects.tolist() == [4, 7] and future.subjects.tolist() == [4, 9] and len(history.doses.time) == 2
    assert len(history.t) + len(future.t) == 6 and future.t.min() > 2.5 >= history.t.max()
    assert len(forecast_split(masked(), share=0.9)[0].subjects) == 3  # the first row of each stays
    for wrong in ({"after": 100.0}, {"after": 0.0}, {"share": 0.1}, {}, {"after": 1.0, "share": 0.5}):
        with pytest.raises(ValueError, match="held out|give the time"):
            forecast_split(masked(), **wrong)


def test_a_time_after_which_measurements_are_held_out_leaves_something_of_everyone() -> None:
    """Individual 9 is measured from 3 on, its activity from 5 on; the last measurement is at 8."""
    assert later_times(masked()) == (3.0, 8.0)
    assert held_out_later(masked(), 3.0) == (4, 2, 10) and held_out_later(masked(), 5.0) == (2, 1, 10)
    assert earlier_part(masked(), 3.0).t.tolist() == [0.5, 2.0, 1.0, 3.0]
    sentences = {
        8.0: "nothing was measured after 8 hours: the last measurement is at 8, so hold out what follows an earlier",
        2.5: "nothing was measured of individual 9 until 2.5 hours, so a model .* what follows 3 or a later time",
        0.7: "nothing was measured of individual 9 until 0.7 hours, nor of 1 other, so",
        0.1: "nothing was measured of individual 9 until 0.1 hours, nor of 4 others, so",
    }
    for time, sentence in sentences.items():
        with pytest.raises(ValueError, match=sentence):
            earlier_part(masked(), time)
    with pytest.raises(ValueError, match="there is no time until which every individual"):
        later_times(masked().take([7]))


def test_individuals_without_doses_have_none_in_either_form() -> None:
    """Taken from data in which others were given some."""
    data = masked().to_snapshots()
    few = data.take(np.flatnonzero(data.subject == 7))
    assert few.doses is not None and DataRequirement.DOSE not in few.has and few.spec.treatments == ()
    assert DataRequirement.DOSE in data.has and data.spec.treatments == masked().treatments


def test_steps_keep_individuals_and_drop_doses_of_another_clock() -> None:
    """Those of irregular times stay whole; in the order of pseudotime, the times of doses mean nothing."""
    process = Pkpd(Settings(subjects=12, times="irregular", n_doses=2))
    id = save_dataset(process.simulate(), label="a", origin="simulated", source="pkpd")
    some = store.open_dataset(derive(id, "subset", {"label": "dose group", "values": "50 mg"})).snapshots()
    assert some.subject is not None and len(np.unique(some.subject)) == 4 and len(some.x) == 4 * 9
    assert some.doses is not None and len(some.doses.time) == 4 * 2
    ordered = _in_order(some, np.arange(36) % 2 == 0, np.linspace(0, 1, 36), np.repeat([0.0, 1.0], 9))
    assert ordered.doses is None and ordered.dose is None and ordered.subject is not None
