"""The tables of CellBox in one archive become samples with their design, whatever lies beside them."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.importing.import_defaults import default_choices, parse_choices
from cellflow_core.data.importing.pipeline import import_file, inspect_file
from cellflow_core.data.readers import InvalidInputError, read
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import open_dataset
from cellflow_core.models import registry
from tests import formats

FILES = {
    "screen/expr.csv": "-0.5,0.25,-0.7\n0,1,0\n-0.4,0.2,-0.6\n" * 8,
    "screen/pert.csv": "0,0,-0.9\n0,0,0\n0,0,-0.8\n" * 8,
    "screen/node_Index.csv": "MEKpS217\r\ncellviab\r\naMEK\r\n",
    "screen/expr_index.txt": "901|1.5\t1\t0\nnothing\n",
}


def packed(folder, **changed: str):
    files = FILES | {f"screen/{name}": text for name, text in changed.items()}
    return formats.zipped(folder / "screen.zip", {name: text.encode() for name, text in files.items() if text})


def test_samples_have_nodes_as_axes_and_strengths_as_design(tmp_path):
    path = packed(tmp_path)
    found = inspect_file(path, path.name)
    assert found.ready and found.cells == 24
    made = open_dataset(import_file(path, path.name, *parse_choices(default_choices(found))))
    data = made.snapshots()
    assert data.space.genes == ("MEKpS217", "cellviab", "aMEK") and not len(data.times)
    np.testing.assert_allclose(data.x[0], [-0.5, 0.25, -0.7])
    assert {name: values.tolist() for name, values in data.perturbation.items()} == {"aMEK": [-0.9, 0, -0.8] * 8}
    assert {DataRequirement.GENE_AXES, DataRequirement.PERTURBATION} <= data.has
    kind = registry.find("cellbox")
    assert not kind.missing_data(kind.Config(), data.has)
    assert "CellBox tables" in made.info.steps[0] and "unperturbed" in " ".join(made.info.notes)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pert.csv": "0,0,1\n"}, "same conditions and nodes"),
        ({"node_Index.csv": "a\nb\n"}, "2 different nodes"),
        ({"node_Index.csv": "a\nb\na\n"}, "2 different nodes"),
        ({"pert.csv": "0,0,0\n" * 24}, "no condition is perturbed"),
        ({"expr.csv": "a,b,c\n" * 24}, "numbers alone"),
        ({"expr.csv": "nan,1,2\n" * 24}, "missing or infinite"),
    ],
)
def test_tables_that_do_not_fit_are_refused_with_a_sentence(tmp_path, changed, words):
    path = packed(tmp_path, **changed)
    with pytest.raises(InvalidInputError, match=words):
        read(path, path.name)


def test_two_of_the_three_tables_are_read_as_any_other_archive(tmp_path):
    path = packed(tmp_path, **{"node_Index.csv": ""})
    with pytest.raises(InvalidInputError, match="screen"):
        read(path, path.name)


def test_the_tables_of_the_paper(tmp_path, shared):
    names = ("expr.csv", "pert.csv", "node_Index.csv", "expr_index.txt")
    path = formats.zipped(
        tmp_path / "a.zip", {each: (shared / "cellbox_melanoma" / each).read_bytes() for each in names}
    )
    found = read(path, "a.zip").snapshots
    assert found is not None and found.x.shape == (89, 99) and len(found.perturbation) == 12
