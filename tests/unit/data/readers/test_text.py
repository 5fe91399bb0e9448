"""Tables of text: layouts, conditions, subjects, and what is no table of cells."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from cellflow_core.data.importing.inspection import inspect_file
from cellflow_core.data.readers import NotCellDataError, read
from tests.unit.data.readers.dense import dense

TEXTS = {
    "blank separated, names in the last comment": (
        "# a simulation\n# it Gata1 Pu.1\n" + "".join(f" {k} {k / 9:.3f}  {1 - k / 9:.3f}\n" for k in [*range(9)] * 2),
        {"features": ("Gata1", "Pu.1"), "obs": {"time step (it)": 8, "run": "run 2"}, "cells": 18},
    ),
    "no names": ("1.5,2,3\n4,5,6.5\n7,8,9\n", {"features": ("x1", "x2", "x3"), "cells": 3}),
    "names of rows without a name of their own": (
        '"a"\t"b"\n"c1"\t1\t2\n"c2"\t3\t4\n',
        {"features": ("a", "b"), "cells": 2},
    ),
    "decimal commas": ("day;x;y\n0;1,5;2\n1;2,5;3\n", {"features": ("day", "x", "y"), "cells": 2}),
    "time series of BoolODE": (
        ",E1_0_05,E1_7_77,E2_3_1\nGata1,1,2,3\nPu1,4,5,6\n",
        {"features": ("Gata1", "Pu1"), "obs": {"simulation time": 3.1, "run": "E2"}, "cells": 3},
    ),
    "conditions of DREAM4": (
        '"wt"\t"G1(-/-)"\t"G2(+/-)"\t"TS_3delt_50"\n"G1"\t1\t2\t3\t4\n"G2"\t1\t2\t3\t4.5\n',
        {"features": ("G1", "G2"), "obs": {"time": 50.0, "series": "TS_3", "perturbation": "time series"}, "cells": 4},
    ),
    "genes named as such": (
        "gene,d0_c1,d0_c2,d2_c1,d2_c2\nSox2,1,2,3,4\nNanog,5,6,7,8\n",
        {"features": ("Sox2", "Nanog"), "cells": 4},
    ),
    "cells named as such": (
        "cell,Sox2,Nanog\nd0_1,1,2\nd0_2,3,4\nd3_1,1,1\nd3_2,2,2\n",
        {"features": ("Sox2", "Nanog"), "cells": 4, "obs": {"part 1 of the cell name": "d3"}},
    ),
    "PHOENIX": (
        "2,1,\n1,2,3\n4,5,6.5\n0,5,10\n",
        {"features": ("gene 1", "gene 2"), "obs": {"time": 10.0, "subject": "sample 1"}, "cells": 3},
    ),
    "an encoding of Windows": ("day,µ,y\n0,1,2\n1,2,3\n".encode("cp1252"), {"features": ("day", "µ", "y"), "cells": 2}),
    "an encoding of Excel": (
        "day\tx\ty\n0\t1\t2\n1\t2\t3\n".encode("utf-16"),
        {"features": ("day", "x", "y"), "cells": 2},
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_layouts_of_text(tmp_path, case) -> None:
    text, expected = TEXTS[case]
    (tmp_path / "a").write_bytes(text if isinstance(text, bytes) else text.encode())
    table = read(tmp_path / "a", "a")
    assert table.features == expected["features"] and table.cells == expected["cells"] == len(table.x)
    for column, last in expected.get("obs", {}).items():
        assert table.obs[column].iloc[-1] == last


def test_conditions_without_a_time_have_none(tmp_path) -> None:
    (tmp_path / "a").write_text(TEXTS["conditions of DREAM4"][0])
    obs = read(tmp_path / "a", "a").obs
    assert list(obs["perturbation"][:3]) == ["wild type", "knock-out", "knock-down"]
    assert list(obs["perturbed gene"]) == [None, "G1", "G2", None]
    assert obs["time"].isna().tolist() == [True, True, True, False]


def test_subjects_followed_over_time(tmp_path) -> None:
    rows = ["id,time,amt,dv,dvid,evid,wt", "1,0,100,0,cp,1,66", "1,2,0,3.5,cp,0,66", "1,2,0,80,pca,0,66"]
    rows += ["1,5,50,0,cp,1,66", "1,6,0,4.5,cp,0,66", "2,1,0,7,cp,0,70", "2,1,0,8,cp,0,70"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    table = read(tmp_path / "a.csv", "a.csv")
    assert table.features == ("cp", "pca") and table.format == "subject table"
    assert np.array_equal(table.x, [[3.5, 80], [4.5, np.nan], [7, np.nan], [8, np.nan]], equal_nan=True)
    assert list(table.obs["subject"]) == ["1", "1", "2", "2"] and list(table.obs["time"]) == [2, 6, 1, 1]
    assert list(table.obs["dose"]) == [100, 50, 0, 0] and list(table.obs["total dose"]) == [100, 150, 0, 0]
    assert list(table.obs["time since dose"][:2]) == [2, 1] and table.obs["time since dose"][2:].isna().all()
    assert list(table.obs["wt"]) == [66, 66, 70, 70]


NO_CELLS = {
    "edges with a head": ("Gene1,Gene2,Type\nGata1,Pu1,-\nPu1,Gata1,-\nFli1,Klf1,+\n", "network", "3 pairs of genes"),
    "edges without one": (
        "A1\tB1\t1\t2\nB1\tA1\t2\t1\nC1\tA1\t3\t1\nA1\tC1\t1\t3\nB1\tC1\t2\t3\nC1\tB1\t3\t2\n",
        "network",
        "pairs of genes",
    ),
    "targets with a score": (",tf.name,target.gene.name,score\n1,Sox2,Klf4,1\n2,Sox2,Myc,1\n", "network", "2 pairs"),
    "a list of names": ("name,long name\nSox2,Sex box\nMyc,Bird\n", "names", "no numbers"),
    "times of cells": (",PseudoTime1\nc1,0.5\nc2,0.7\n", "times", "2 cells"),
}
NO_CELLS["a square"] = (
    "\n".join(",".join("1" if i == k else "0" for i in range(6)) for k in range(6)),
    "network",
    "6 x 6",
)


@pytest.mark.parametrize("case", NO_CELLS)
def test_what_is_no_table_of_cells_is_told_as_such(tmp_path, case) -> None:
    text, what, words = NO_CELLS[case]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(NotCellDataError) as error:
        inspect_file(tmp_path / "a.csv", "a.csv")
    again = pickle.loads(pickle.dumps(error.value))  # noqa: S301 - made in this line
    assert words in str(again) and error.value.what == what == again.what and "choose the file" in str(again)


def test_cells_with_two_columns_of_words_are_no_network(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("cell,type,x,y\n" + "".join(f"c{k},t{k % 3},{k},{k * k}\n" for k in range(30)))
    assert read(tmp_path / "a.csv", "a.csv").features == ("x", "y")


GENES = ["TP53", "GATA1", "SPI1", "KLF1", "MYC", "ACTB", "GAPDH", "CD34", "HBB", "MPO", "LYZ", "ELANE", "C3", "S100A4"]


@pytest.mark.parametrize("cell", ["GSM{}", "SRR{}_1", "SAMEA{}", "sample{}", "S{}", "lib-{}", "Cell{}"])
@pytest.mark.parametrize("in_rows", [True, False])
def test_samples_by_their_names_stand_where_they_stand(tmp_path, cell, in_rows) -> None:
    """Tables as R writes them, without a name over the first column."""
    frame = pd.DataFrame(
        np.arange(30 * len(GENES)).reshape(30, -1), index=[cell.format(k + 100) for k in range(30)], columns=GENES
    )
    (frame.T if in_rows else frame).to_csv(tmp_path / "a.csv")
    table = read(tmp_path / "a.csv", "a.csv")
    assert table.features == tuple(GENES) and list(table.obs.index) == list(frame.index)
    assert (dense(table.x) == frame.to_numpy()).all()


def test_coordinates_of_named_cells_are_not_turned(tmp_path) -> None:
    for axis in ("PC{}", "x{}", "dim_{}", "UMAP{}", "z{}"):
        frame = pd.DataFrame(np.ones((12, 4)), index=GENES[:12], columns=[axis.format(k) for k in range(1, 5)])
        frame.iloc[0] = 2.5
        frame.to_csv(tmp_path / "a.csv")
        assert read(tmp_path / "a.csv", "a.csv").cells == 12, axis
