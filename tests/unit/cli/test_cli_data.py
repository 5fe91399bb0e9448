"""`data` from the shell: public data, downloads and files, up to the data set that keeps its original."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cellflow_core import cli
from cellflow_core.data.download import public
from cellflow_core.data.importing import uploads
from cellflow_core.data.store import datasets, delete, open_dataset
from tests.toys import stored
from tests.webserver import Shelf, serving

TABLE = "\n".join(["x,y,when", *(f"{k % 7 + 0.5},{k % 5 - 0.25},day {k % 3}" for k in range(90))]) + "\n"


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    with serving() as shelf:
        shelf.files["/cells.csv"] = TABLE.encode()
        yield shelf


def test_public_data_are_listed_with_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "public"]) == 0
    assert "larry" in capsys.readouterr().out
    assert cli.main(["data", "public", "cite"]) == 0
    message = capsys.readouterr().out
    assert "1,246 MB" in message and "not stated" in message and "fa1d117d" in message
    assert cli.main(["data", "get", "nope"]) == 2
    assert "there is no public data set 'nope'; there is eb, " in capsys.readouterr().err


def test_a_fetched_file_becomes_a_data_set(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "fetch", f"{shelf.address}/cells.csv"]) == 0
    fetched = capsys.readouterr()
    id = fetched.out.strip()
    assert f"data import {id} --time COLUMN" in fetched.err
    assert cli.main(["data", "import", id, "--time", "when"]) == 0
    made = capsys.readouterr().out.strip()
    assert [each.id for each in datasets()] == [made]
    again = uploads.opened(uploads.of_dataset(made))
    assert (again.origin, again.path.read_text()) == (f"{shelf.address}/cells.csv", TABLE)


def test_a_snapshot_is_imported_without_a_time(
    shelf: Shelf, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shelf.goes_to |= {f"/{each.name}": "/cells.csv" for each in public.CATALOGUE}
    here = [replace(each, url=f"{shelf.address}/{each.name}", sha256="", file="p.csv") for each in public.CATALOGUE]
    monkeypatch.setattr(public, "CATALOGUE", tuple(here))
    assert cli.main(["data", "get", "pancreas"]) == 0
    got = capsys.readouterr()
    assert f"data import {got.out.strip()} --time ''" in got.err
    assert cli.main(["data", "get", "dentate-gyrus"]) == 0
    assert "--time 'age(days)'" in capsys.readouterr().err
    assert cli.main(["data", "import", got.out.strip(), "--time", ""]) == 0
    made = capsys.readouterr().out.strip()
    assert cli.main(["data", "export", made, str(tmp_path / "cells.h5ad")]) == 0
    assert (tmp_path / "cells.h5ad").is_file()


def test_a_file_of_this_machine_stays_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(TABLE)
    assert cli.main(["data", "inspect", str(path)]) == 0
    assert "mine.csv: table, 90 cells" in capsys.readouterr().out
    assert not list(uploads.root().glob("*/"))
    assert cli.main(["data", "import", str(path), "--time", "when"]) == 0
    made = capsys.readouterr().out.strip()
    assert path.read_text() == TABLE
    assert uploads.opened(uploads.of_dataset(made)).origin == str(path)


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "inspect", "absent.csv"]) == 2
    assert "there is no readable file" in capsys.readouterr().err
    assert cli.main(["data", "import", "0123456789ab", "--time", "when"]) == 2
    assert "choose the file again" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["import", "step x state"])
def test_the_help_of_settings_in_per_cent_is_printed(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["data", *action.split(), "--help"])
    assert ended.value.code == 0 and "(default" in capsys.readouterr().out


def test_an_import_tells_its_stages_and_steps_beside_the_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "counts.csv"
    rows = [f"c{k},day {k % 2},{','.join(str((k * j) % 5) for j in range(1, 9))}" for k in range(60)]
    path.write_text("\n".join([f"cell,day,{','.join(f'Gene{j}a' for j in range(8))}", *rows]))
    assert cli.main(["data", "import", str(path), "--time", "day", "--min-genes", "3", "--components", "3"]) == 0
    message = capsys.readouterr()
    (made,) = message.out.split()
    steps = open_dataset(made).info.steps
    assert set(steps) <= set(message.err.splitlines())
    assert "obs: day" in message.err.partition("as what, or why not")[2]
    assert "storing the cells" in message.err and any("with fewer than 3 genes" in each for each in steps)


def test_an_import_asks_what_the_values_are_where_that_is_unclear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "onoff.csv"
    rows = [f"c{k},day {k % 2},{k % 2},{k // 2 % 2},{k // 4 % 2}" for k in range(40)]
    path.write_text("\n".join(["cell,day,Sox2,Gata1,Spi1", *rows]))
    line = ["data", "import", str(path), "--time", "day"]
    assert cli.main(line) == 2 and not datasets()
    message = capsys.readouterr().err
    assert "all values are 0 or 1" in message
    assert all(f"--values {each}" in message for each in ("counts", "log", "coordinates"))
    assert cli.main([*line, "--values", "log"]) == 0
    assert "took log(1 + x)" not in capsys.readouterr().err


def stages(path: Path, labels: tuple[str, ...], column: str = "group") -> list[str]:
    """The command that imports a table of 30 cells a label."""
    rows = [f"{k % 7 + 0.5},{k % 5 - 0.25},{labels[k % len(labels)]}" for k in range(30 * len(labels))]
    path.write_text("\n".join([f"x,y,{column}", *rows]))
    return ["data", "import", str(path), "--time", column]


def test_stages_are_ordered_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = stages(tmp_path / "embryo.csv", ("blast", "zygote", "morula", "mixed"))
    assert cli.main([*line, "--order", "zygote", "morula", "blast"]) == 2
    assert "not in the order: mixed (30 cells)" in capsys.readouterr().err
    assert cli.main([*line, "--number", "mixed=", "--order", "zygote", "morula", "blast"]) == 0
    info = open_dataset(capsys.readouterr().out.strip()).info
    assert (info.times, info.counts, info.time_unit) == ((0.0, 1.0, 2.0), (30, 30, 30), "stage")
    assert "zygote is 0, morula is 1, blast is 2" in "".join(info.steps)
    assert cli.main([*line, "--order", "zygote", "larva"]) == 2
    assert "'larva'" in capsys.readouterr().err


def test_dates_are_counted_in_days_and_ambiguous_ones_asked_for(tmp_path: Path, capsys) -> None:
    line = stages(tmp_path / "cells.csv", ("2021-03-04", "2021-03-06", "2021-03-11"), "timepoint")
    assert cli.main(["data", "inspect", line[2]]) == 0
    assert "days since the first, 2021-03-04" in capsys.readouterr().out
    assert cli.main(line) == 0
    info = open_dataset(capsys.readouterr().out.strip()).info
    assert info.times == (0.0, 2.0, 7.0) and info.time_unit == "day"
    line = stages(tmp_path / "cells.csv", ("03/04/2021", "05/04/2021", "11/04/2021"), "timepoint")
    assert cli.main(line) == 2
    assert "year-month-day" in capsys.readouterr().err


def test_the_unit_is_asked_for_where_nothing_gives_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = stages(tmp_path / "cells.csv", ("0", "6", "24"), "timepoint")
    assert cli.main(line) == 2 and not datasets()
    assert "--unit hour" in capsys.readouterr().err
    assert cli.main([*line, "--unit", "hour"]) == 0
    assert open_dataset(capsys.readouterr().out.strip()).info.time_unit == "hour"
    assert cli.main([*line, "--unit", ""]) == 0
    assert open_dataset(capsys.readouterr().out.strip()).info.time_unit == ""


def test_what_was_done_is_shown_and_undone(capsys: pytest.CaptureFixture[str]) -> None:
    first = stored()
    assert cli.main(["data", "step", first, "subset", "--by", "time", "--last", "1"]) == 0
    printed = capsys.readouterr()
    (second,) = printed.out.split()  # the stages are told on the other stream
    assert "storing the cells" in printed.err
    assert cli.main(["data", "show", second]) == 0
    message = capsys.readouterr().out
    step = open_dataset(second).info.steps[-1]
    assert f"1. {step}" in message and f"made from {first}: drifting" in message and "1 day   60" in message
    assert cli.main(["data", "show", first]) == 0
    assert f"made from this one {second}: drifting" in capsys.readouterr().out
    assert cli.main(["data", "undo", second]) == 0
    back = capsys.readouterr()
    assert back.out.split() == [first] and f"{second} is still there" in back.err
    assert {each.id for each in datasets()} == {first, second}
    assert cli.main(["data", "undo", first]) == 2
    assert "was made by no step from another" in capsys.readouterr().err
    delete(first)
    assert cli.main(["data", "undo", second]) == 2
    assert f"data restore {first} brings it back" in capsys.readouterr().err


def test_a_umap_is_made_from_the_shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import Future

    from cellflow_core.data.preprocessing import umap
    from cellflow_core.jobs import sandbox

    def here(path: str, id: str) -> Future[None]:
        done: Future[None] = Future()
        assert path == "cellflow_core.data.preprocessing.umap:add_umap"
        done.set_result(umap.add_umap(id))
        return done

    monkeypatch.setattr(sandbox, "run_isolated", here)
    monkeypatch.setattr(umap, "umap", lambda x, found, start: start * 2)
    id = stored()
    assert cli.main(["data", "umap", id]) == 0
    assert capsys.readouterr().out.split() == [id] and open_dataset(id).info.views == ("pca", "umap")
    assert cli.main(["data", "umap", "nope"]) == 2
    assert "there is no data set 'nope'" in capsys.readouterr().err
