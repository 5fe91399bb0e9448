"""The step "use a velocity": of the layer of a file and of any estimator, in linear axes; refused elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cellflow_core.cli import main
from cellflow_core.data import store
from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.state_space import StateSpace
from cellflow_core.data.steps.derive import derive, use_velocity
from tests import toys

CELLS, GENES = 50, tuple(f"G{k}" for k in range(8))
RNG = np.random.default_rng(0)
COUNTS = RNG.gamma(2.0, 3.0, (CELLS, 8))
RATES = RNG.normal(size=(CELLS, 8))


def stored(space: str, t: np.ndarray | None = None, **layers: np.ndarray) -> str:
    """Cells of log(1 + counts) in such a state, without a time."""
    log = np.log1p(COUNTS).astype(np.float32)
    made: tuple[Any, StateSpace]
    if space == "pca":
        made = pca(log, GENES, 3)
    elif space == "splicing":
        both = SplicingSpace.of(GENES, 2 * COUNTS, COUNTS)
        made = both.join(2 * COUNTS, COUNTS), both
    else:
        made = (log, AffineSpace.of_genes(GENES)) if space == "genes" else (log, AffineSpace.coordinates(GENES))
    about = {"label": "cells", "origin": "upload", "source": "f", "expression": log, "expression_genes": GENES}
    return store.save_dataset(Snapshots(made[0], t, made[1]), layers=layers, **about)


def velocity(id: str) -> np.ndarray:
    found = store.open_dataset(id).snapshots().velocity
    assert found is not None
    return found


def test_a_velocity_of_counts_is_that_of_their_logarithm():
    """Against finite differences: counts a little later, in the same axes."""
    for kind in ("genes", "pca"):
        id = stored(kind, velocity=RATES)
        made = store.open_dataset(derive(id, "velocity", {}))
        space, later = made.snapshots().space, np.log1p(COUNTS + 1e-5 * RATES)
        expected = (space.encode(later) - space.encode(np.log1p(COUNTS))) / 1e-5
        np.testing.assert_allclose(velocity(made.info.id), expected, atol=2e-3)
        assert DataRequirement.VELOCITY in made.snapshots().has and made.info.parent == id and made.info.times == ()
        assert store.open_dataset(id).snapshots().velocity is None


def test_a_velocity_of_the_expression_is_taken_as_it_is():
    made = derive(stored("genes", velocity=RATES), "velocity", {"units": "expression"})
    np.testing.assert_allclose(velocity(made), RATES, rtol=1e-6)


def test_genes_without_a_velocity_and_what_the_axes_keep_are_noted():
    gappy = RATES.copy()
    gappy[3, :2] = np.nan
    made = store.open_dataset(derive(stored("pca", velocity=gappy), "velocity", {}))
    assert np.isfinite(velocity(made.info.id)).all()
    notes = " ".join(made.info.notes)
    assert "6 of 8 genes" in notes and "% of the squared velocity" in notes and "unit of time" in notes


def test_both_kinds_of_rna_have_a_velocity():
    id = stored("splicing", velocity=RATES, velocity_unspliced=3 * RATES)
    space = store.open_dataset(id).snapshots().space
    assert isinstance(space, SplicingSpace)
    unspliced, spliced = space.split(velocity(derive(id, "velocity", {})))
    np.testing.assert_allclose(unspliced, 3 * RATES, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(spliced, RATES, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="velocity_u"):
        derive(stored("splicing", velocity=RATES), "velocity", {})


def test_any_estimator_of_the_axes_or_of_the_genes():
    id = stored("pca", np.zeros(CELLS))
    of_axes = store.open_dataset(use_velocity(id, RATES[:, :3], "my estimator"))
    np.testing.assert_allclose(velocity(of_axes.info.id), RATES[:, :3], rtol=1e-6)
    assert of_axes.info.recipe[-1]["settings"]["source"] == "my estimator" and "my estimator" in of_axes.info.steps[-1]
    of_genes = use_velocity(of_axes.info.id, RATES, "other")
    decoder = store.open_dataset(id).snapshots().space.arrays()["decoder"]
    assert decoder is not None
    np.testing.assert_allclose(velocity(of_genes), RATES @ decoder.T, atol=1e-5)
    assert "Replaced" in store.open_dataset(of_genes).info.steps[-1]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (RATES[:, :4], "50 cells x 3 axes or 8 genes"),
        (RATES[1:, :3], "shape .49, 3."),
        (np.where(RATES > 2, np.nan, RATES)[:, :3], "missing in"),
        (0 * RATES[:, :3], "zero in every cell"),
    ],
)
def test_a_velocity_that_does_not_fit_is_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        use_velocity(stored("pca"), values, "mine")


def test_states_that_are_no_linear_map_of_genes_are_refused():
    curved = toys.counted()
    data = Snapshots(RATES[:, :3], None, curved)
    about = {"label": "curved", "origin": "upload", "source": "f", "expression_genes": ("A", "B")}
    id = store.save_dataset(data, expression=COUNTS[:, :2], layers={"velocity": RATES[:, :2]}, **about)
    for each in (id, stored("coordinates", velocity=RATES)):
        with pytest.raises(ValueError, match="linear map"):
            derive(each, "velocity", {})
    with pytest.raises(ValueError, match="no layer 'velocity'"):
        derive(stored("pca"), "velocity", {})
    gappy = np.where(np.arange(8) < 4, RATES, np.nan)
    with pytest.raises(ValueError, match="4 of 8"):
        derive(stored("pca", velocity=gappy), "velocity", {})


def test_a_file_of_velocities_on_the_command_line(tmp_path, capsys):
    id, path = stored("pca"), tmp_path / "v.csv"
    np.savetxt(path, RATES[:, :3], delimiter=",", header="a,b,c")
    np.save(tmp_path / "v.npy", RATES[:, :3])
    for file in (path, tmp_path / "v.npy"):
        assert main(["data", "use-velocity", id, str(file)]) == 0
        np.testing.assert_allclose(velocity(capsys.readouterr().out.strip()), RATES[:, :3], rtol=1e-6)
    path.write_text("no numbers\nat all")
    assert main(["data", "use-velocity", id, str(path)]) != 0
    assert "v.csv is no table of numbers" in capsys.readouterr().err
