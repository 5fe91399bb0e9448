"""CDISC tables of individuals: SDTM PC and EX, ADaM ADPC, and the transport files they come in."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cellflow_core.data.readers import InvalidInputError
from cellflow_core.data.readers.open import read
from tests.unit.data.readers.test_individuals import doses, opened

STORED = Path(__file__).parents[3] / "stored" / "sdtm"

PC = (
    "STUDYID,USUBJID,PCTESTCD,PCSTRESC,PCSTRESN,PCSTRESU,PCLLOQ,PCDTC S,1,DRUG,BLQ,,ng/mL,0.5,2026-01-05T08:00 "
    "S,1,DRUG,12.5,12.5,ng/mL,0.5,2026-01-05T10:30 S,2,DRUG,7,7,ng/mL,0.5,2026-01-07T08:00 "
    "S,2,DRUG,6,6,ng/mL,0.5,2026-01-07T09:00"
)
EX = (
    "USUBJID,EXTRT,EXDOSE,EXDOSU,EXDOSFRQ,EXROUTE,EXSTDTC,EXENDTC "
    "1,DRUG,50,mg,BID,ORAL,2026-01-05T08:00,2026-01-06T08:00 "
    "2,DRUG,80,mg,ONCE,INTRAVENOUS,2026-01-07T06:00,2026-01-07T07:30"
)


def test_sdtm_tables_of_an_archive(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("sdtm/pc.csv", PC.replace(" ", "\n"))
        archive.writestr("sdtm/ex.csv", EX.replace(" ", "\n"))
    table = read(tmp_path / "study.zip", "study.zip")
    assert doses(table) == [("1", 0, 50, 0), ("1", 12, 50, 0), ("1", 24, 50, 0), ("2", 0, 80, 1.5)]
    assert table.features == ("DRUG (ng/mL)",) and list(table.obs["time"]) == [0, 2.5, 2, 3]
    assert table.followed is not None and table.followed.treatments == ("DRUG (mg)",)
    assert table.followed.censored[:, 0].tolist() == [True, False, False, False] and table.x[0, 0] == 0.5
    alone = opened(tmp_path, PC)
    assert list(alone.obs["time"]) == [0, 2.5, 0, 1] and "first sample" in alone.notes[0]
    with pytest.raises(InvalidInputError, match="line 3, column PCDTC"):
        opened(tmp_path, PC.replace("T10:30", "Tlate"))


def test_adpc(tmp_path) -> None:
    text = (
        "USUBJID,PARAMCD,AVAL,AVALC,AVALU,ALLOQ,AFRLT,NFRLT,ARRLT,DOSEA,DOSEU,DTYPE,AGE "
        "1,D,,<0.5,ug/L,0.5,-0.1,0,-0.1,50,mg,,40 "
        "1,D,8,8,ug/L,0.5,2,2,2,50,mg,,40 1,D,3,3,ug/L,0.5,,24,,50,mg,,40 1,D,3,3,ug/L,0.5,23.9,24,-0.1,60,mg,COPY,40 "
        "1,D,9,9,ug/L,0.5,26,26,2,60,mg,,40 2,D,4,4,ug/L,0.5,1,1,1,50,mg,,50 2,D,2,2,ug/L,0.5,4,4,4,50,mg,,50"
    )
    table = opened(tmp_path, text)
    assert doses(table) == [("1", 0, 50, 0), ("1", 24, 60, 0), ("2", 0, 50, 0)]
    assert (
        list(table.obs["time"]) == [-0.1, 2, 24, 26, 1, 4] and "1 measurements without an actual time" in table.notes[0]
    )
    assert table.followed is not None and table.followed.censored[0, 0] and list(table.obs["age"][-2:]) == [50, 50]


def test_adpc_with_lines_of_doses_units_of_time_and_values_below_the_limit(tmp_path) -> None:
    """As admiral writes it: a line of each dose, and below the limit of quantification a number all the same."""
    lines = (
        "USUBJID,PARAMCD,AVAL,AVALU,ALLOQ,AFRLT,ARRLT,FRLTU,RRLTU,DOSEA 1,DOSE,54,mg,,0,0,DAYS,HOURS,54 "
        "1,XAN,0.05,ug/mL,0.1,0.5,12,DAYS,HOURS,54 1,XAN,9,ug/mL,0.1,1,24,DAYS,HOURS,54 "
        "2,DOSE,54,mg,,0,0,DAYS,HOURS,54 2,XAN,4,ug/mL,0.1,1,24,DAYS,HOURS,54"
    )
    table = opened(tmp_path, lines)
    assert table.features == ("XAN (ug/mL)",) and doses(table) == [("1", 0, 54, 0), ("2", 0, 54, 0)]
    assert list(table.obs["time"]) == [12, 24, 24] and table.x[:, 0].tolist() == [0.1, 9, 4]
    assert table.followed is not None and table.followed.censored[:, 0].tolist() == [True, False, False]
    with pytest.raises(InvalidInputError, match="line 4, column FRLTU: times are in another unit"):
        opened(tmp_path, lines.replace("1,24,DAYS", "1,24,HOURS", 1))
    with pytest.raises(InvalidInputError, match="line 2, column FRLTU: 'moons'"):
        opened(tmp_path, lines.replace("DAYS", "MOONS"))


def test_transport_files(tmp_path) -> None:
    """Written with pyreadstat 1.3.7: the same PC and EX."""
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for each in ("pc.xpt", "ex.xpt"):
            archive.write(STORED / each, each)
    table = read(tmp_path / "study.zip", "study.zip")
    assert len(doses(table)) == 4 and list(table.obs["time"]) == [0, 2.5, 2, 3]
    assert read(STORED / "pc.xpt", "pc.xpt").cells == 4
    with pytest.raises(InvalidInputError, match="none of the tables"):
        read(STORED / "ex.xpt", "ex.xpt")
    (tmp_path / "late.xpt").write_bytes(b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!" + b" " * 400)
    with pytest.raises(InvalidInputError, match="version 8"):
        read(tmp_path / "late.xpt", "late.xpt")
