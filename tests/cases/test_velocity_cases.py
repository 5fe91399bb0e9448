"""Spliced and unspliced layers that RNA velocity cannot be read from: what import, step, page and shell say of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.cli import main
from cellflow_core.data import store
from cellflow_core.data.preprocessing.splicing_layers import lacking_moments
from cellflow_core.data.steps.derive import derive
from tests.cases.case import Case, course, imported, written

GENES = 40
STEP = {"neighbors": 10, "components": 5, "min_r2": -1.0, "min_slope": 0.0, "min_shared_counts": 1}
Change = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray | None, np.ndarray]]


@dataclass(frozen=True)
class Layers:
    """Counts (unspliced, spliced) with a fault, and the words that name it.

    imported  in a note of the data set; "": nothing is wrong yet. step, shell: in the error; "": all is well
    """

    change: Change
    imported: str
    step: str
    shell: str


CASES = {
    "unspliced missing": Layers(
        lambda u, s: (None, s), "no unspliced ones", "no layer 'unspliced'", "a file with both"
    ),
    "spliced zero": Layers(lambda u, s: (u, 0 * s), *["'spliced' is zero everywhere"] * 3),
    "unspliced zero": Layers(lambda u, s: (0 * u, s), *["'unspliced' is zero everywhere"] * 3),
    "negative": Layers(lambda u, s: (u - 1, s), *["goes down to -1"] * 3),
    "missing values": Layers(lambda u, s: (np.where(u > 3, np.nan, u), s), *["missing or infinite"] * 3),
    "fractional": Layers(lambda u, s: (0.3 * u, 0.3 * s), *["no whole numbers"] * 3),
    "swapped": Layers(lambda u, s: (s + 2, u), *["exchange the layers"] * 3),
    "three velocity genes": Layers(
        lambda u, s: (u * (np.arange(GENES) < 3), s), "", "3 of 40 genes can be velocity genes", "take the step"
    ),
}


def counts() -> tuple[anndata.AnnData, np.ndarray, np.ndarray]:
    """(cells of one time, unspliced, spliced): each gene has less unspliced than spliced RNA."""
    held = course({"all": 90}, "batch", GENES)
    rng = np.random.default_rng(0)
    level = rng.gamma(2.0, 4.0, (90, GENES))
    return held, rng.poisson(0.3 * level).astype(np.float32), rng.poisson(level + 1).astype(np.float32)


def stored(folder: Path, change: Change = lambda u, s: (u, s)) -> store.Dataset:
    held, *layers = counts()
    u, s = change(*layers)
    held.layers["spliced"] = csr_matrix(s)
    if u is not None:
        held.layers["unspliced"] = csr_matrix(u)
    return imported(Case(written(folder, held), column=""))


def one_sentence(text: str) -> bool:
    return "\n" not in text.strip() and ". " not in text and (": " in text or "“" in text)


@pytest.mark.parametrize("name", CASES)
def test_the_fault_is_named_at_import_in_the_step_and_in_the_shell(name: str, tmp_path, capsys) -> None:
    case = CASES[name]
    made = stored(tmp_path, case.change)
    if case.imported:
        (note,) = (each for each in made.info.notes if case.imported in each)
        assert one_sentence(note), note
    else:
        assert not any("pliced" in each or "velocity" in each for each in made.info.notes)
    with pytest.raises(ValueError, match=case.step) as error:
        derive(made.info.id, "moments", STEP)
    assert one_sentence(str(error.value)), str(error.value)
    assert main(["velocity", made.info.id]) == 2
    shown = capsys.readouterr().err
    assert case.shell in shown and one_sentence(shown), shown


def test_a_layer_of_another_shape_is_named_with_both_shapes(tmp_path) -> None:
    held, u, s = counts()
    held.layers["spliced"], held.layers["unspliced"] = s, u
    path = written(tmp_path, held)
    with h5py.File(path, "r+") as file:
        about = dict(file["layers/unspliced"].attrs)
        del file["layers/unspliced"]
        file["layers/unspliced"] = u[:, 1:]
        file["layers/unspliced"].attrs.update(about)
    made = imported(Case(path, column=""))
    (note,) = (each for each in made.info.notes if "RNA velocity needs both" in each)
    assert "90 x 39" in note and "90 x 40" in note and "no unspliced ones" in note
    with pytest.raises(ValueError, match="no layer 'unspliced'"):
        derive(made.info.id, "moments", STEP)


def test_spliced_counts_that_serve_as_the_values_are_named(tmp_path) -> None:
    held, u, s = counts()
    held.layers["spliced"], held.layers["unspliced"] = s, u
    path = written(tmp_path, held)
    made = imported(Case(path, column="", choices={"matrix": "layers:spliced"}))
    assert any("give these in X as well" in each and "no spliced ones" in each for each in made.info.notes)


def test_without_any_layer_nothing_is_said_and_the_shell_names_what_counts_them(tmp_path, capsys) -> None:
    held, *_ = counts()
    made = imported(Case(written(tmp_path, held), column=""))
    assert not any("velocity" in each for each in made.info.notes)
    assert "no layer 'spliced' and no layer 'unspliced'" in lacking_moments(made)
    assert main(["velocity", made.info.id]) == 2 and "velocyto" in capsys.readouterr().err


def test_one_group_of_one_time_is_estimated_and_said(tmp_path, capsys) -> None:
    made = stored(tmp_path)
    assert not any("pliced" in each for each in made.info.notes) and made.info.annotations == ()
    assert main(["velocity", derive(made.info.id, "moments", STEP)]) == 0
    assert "of one group and of no more than one time, so nothing measured shows" in capsys.readouterr().out
