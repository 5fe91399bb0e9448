"""Colours of groups: from an h5ad into the data set, into what is made of it, and back; and chosen by hand."""

from __future__ import annotations

import anndata
import numpy as np
import pytest

from cellflow_core.data.importing.import_defaults import default_choices, parse_choices
from cellflow_core.data.importing.pipeline import import_file, inspect_file
from cellflow_core.data.readers.open import read
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.store import DamagedDatasetError, group_colours, open_dataset
from cellflow_core.data.store.h5ad_export import write_dataset
from tests import formats

OWN = {"a": "#11aa22", "b": "#0000ff"}


def test_colours_of_a_file_come_in_and_go_out(tmp_path) -> None:
    path = formats.h5ad(tmp_path / "a.h5ad")
    held = anndata.read_h5ad(path)
    held.obs["other"] = held.obs["type"]
    held.uns["type_colors"], held.uns["other_colors"] = np.array(["#11AA22", "#0000FFFF"]), np.array(["red", "#000000"])
    held.write_h5ad(path)
    assert read(path, "a.h5ad").colours == {"type": OWN}  # a name is no colour in digits

    choices, numbers = parse_choices(default_choices(inspect_file(path, "a.h5ad")))
    data = open_dataset(import_file(path, "a.h5ad", choices, numbers))
    assert group_colours.read(data) == {"type": OWN}
    half = derive(data.info.id, "subset", {"by": "label", "label": "type", "values": "a"})
    assert group_colours.read(open_dataset(half)) == {"type": {"a": OWN["a"]}}

    group_colours.choose(data, "type", {"a": "#ABCDEF", "b": OWN["b"]})
    write_dataset(data, tmp_path / "out.h5ad")
    assert anndata.read_h5ad(tmp_path / "out.h5ad").uns["type_colors"].tolist() == ["#abcdef", "#0000ff"]
    assert read(tmp_path / "out.h5ad", "out.h5ad").colours["type"]["a"] == "#abcdef"

    for annotation, colours, error in (("nothing", OWN, KeyError), ("type", {"a": "red"}, ValueError)):
        with pytest.raises(error):
            group_colours.choose(data, annotation, colours)
    group_colours.choose(data, "type", {})
    assert group_colours.read(data) == {}
    (data.folder / group_colours.FILE).write_text("[]")
    with pytest.raises(DamagedDatasetError, match=r"colours\.json"):
        group_colours.read(data)
