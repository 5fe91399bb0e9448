"""Tables of individuals: what each kind of line means, and what is said of a table that contradicts itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellflow_core.data.readers import InvalidInputError, Table
from cellflow_core.data.readers.individuals.records import individual_numbers
from cellflow_core.data.readers.open import read


def opened(tmp_path: Path, text: str, name: str = "a.csv") -> Table:
    (tmp_path / name).write_text(text.replace(" ", "\n"))
    return read(tmp_path / name, name)


def doses(table: Table) -> list[tuple[str, float, float, float]]:
    """(individual, time, amount, duration) of each dose."""
    assert table.followed is not None
    given = table.followed.doses
    number = dict(zip(individual_numbers(table.obs["subject"]), table.obs["subject"], strict=True))
    each = ([number[k] for k in given.subject], given.time, given.amount, given.duration)
    return [(str(who), round(t, 6), amount, round(duration, 6)) for who, t, amount, duration in zip(*each, strict=True)]


MEASURED = "2,1,.,9,0 2,2,.,7,0"
CASES = {
    "an amount makes a dose": (
        "ID,TIME,AMT,DV 1,0,100,. 1,1,.,5 1,2,.,4 2,0,50,0 2,1,.,3 2,2,.,2",
        4,
        [("1", 0, 100, 0), ("2", 0, 50, 0)],
    ),
    "a line that is both": (
        "ID,TIME,AMT,DV 1,0,100,3 1,1,.,5 2,0,50,2 2,1,.,3",
        4,
        [("1", 0, 100, 0), ("2", 0, 50, 0)],
    ),
    "further doses": (
        "ID,TIME,AMT,DV,EVID,ADDL,II 1,0,100,.,1,2,12 1,1,.,5,0,., 2,1,.,9,0,., 2,2,.,7,0,.,",
        3,
        [("1", 0, 100, 0), ("1", 12, 100, 0), ("1", 24, 100, 0)],
    ),
    "an infusion by rate": (
        "ID,TIME,AMT,DV,EVID,RATE 1,0,100,.,1,50 1,1,.,5,0,. 2,1,.,9,0,. 2,2,.,7,0,.",
        3,
        [("1", 0, 100, 2)],
    ),
    "an infusion by duration": (
        "ID,TIME,AMT,Y,EVID,TINF 1,0,100,.,1,.5 1,1,.,5,0,. 2,1,.,9,0,. 2,2,.,7,0,.",
        3,
        [("1", 0, 100, 0.5)],
    ),
    "events of RxODE": (f"ID,TIME,AMT,DV,EVID 1,0,100,.,101 1,1,.,5,0 {MEASURED}", 3, [("1", 0, 100, 0)]),
    "a missing measurement": (
        "ID,TIME,AMT,DV,EVID,MDV 1,0,100,.,1,1 1,1,.,0,0,1 1,2,.,5,0,0 2,1,.,9,0,0 2,2,.,7,0,0",
        3,
        [("1", 0, 100, 0)],
    ),
    "lines that are ignored": (
        "C,ID,TIME,AMT,DV .,1,0,100,. .,1,1,.,5 C,1,2,.,99 .,2,1,.,9 .,2,2,.,7",
        3,
        [("1", 0, 100, 0)],
    ),
    "lines that are comments": ("ID,TIME,AMT,DV 1,0,100,. 1,1,.,5 #1,2,.,99 2,1,.,9 2,2,.,7", 3, [("1", 0, 100, 0)]),
    "one dose in all lines": (
        "Subject,Dose,Time,conc 1,4,0,0 1,4,2,5 2,3,0.5,6 2,3,2,5",
        4,
        [("1", 0, 4, 0), ("2", 0.5, 3, 0)],
    ),
    "doses in a column of their own": (
        "ID,TIME,DOSE,DV,RATE,DURATION 1,0,100,.,50,2 1,2,.,5,., 2,2,.,7,., 2,3,.,6,.,",
        3,
        [("1", 0, 100, 2)],
    ),
    "a reset": (
        f"ID,TIME,AMT,DV,EVID 1,0,100,.,1 1,1,.,5,0 1,0,80,.,4 1,1,.,4,0 {MEASURED}",
        4,
        [("1/1", 0, 100, 0), ("1/2", 0, 80, 0)],
    ),
    "a missing MDV": (
        f"ID,TIME,AMT,DV,EVID,MDV 1,0,100,.,1,. 1,1,.,5,0,. {MEASURED.replace(',0 ', ',0,. ')},0",
        3,
        [("1", 0, 100, 0)],
    ),
    "steady state said at each of two doses": (
        "ID,TIME,AMT,DV,EVID,SS,II 1,0,100,.,1,1,24 1,1,.,5,0,0,0 1,48,100,.,1,1,24 1,49,.,5,0,0,0 "
        "2,1,.,9,0,0,0 2,2,.,7,0,0,0",
        4,
        [("1", 24.0 * k, 100, 0) for k in range(-20, 3)],
    ),
    "superposition at steady state": (
        "ID,TIME,AMT,DV,EVID,SS,II 1,0,100,.,1,1,24 1,12,50,.,1,2,24 1,13,.,5,0,0,0 2,1,.,9,0,0,0 2,2,.,7,0,0,0",
        3,
        sorted([("1", 24.0 * k, 100, 0) for k in range(-20, 1)] + [("1", 12 + 24.0 * k, 50, 0) for k in range(-20, 1)]),
    ),
    "times before and after, in columns": ("subject,-1,0,2 1,1,2,3 2,4,5,6", 6, []),
    "a placebo": (f"ID,TIME,AMT,DV,EVID 1,0,0,.,1 1,1,.,5,0 {MEASURED}", 3, []),
    "times in columns": ("subject,sex,0,0.5,1,2 1,f,0,3,2,1 2,m,0,4,.,<1", 7, []),
    "variables in columns": (
        "patient,day,dose,wt,size,psa 1,0,10,60,1,5 1,3,0,60,2,. 1,5,20,60,2,4 2,0,0,70,3,6 2,4,0,70,3,7",
        5,
        [("1", 0, 10, 0), ("1", 5, 20, 0)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_lines_are_read_as_measurements_and_doses(tmp_path, case) -> None:
    text, rows, given = CASES[case]
    table = opened(tmp_path, text)
    assert table.cells == rows and doses(table) == given


def test_values_below_the_limit_of_quantification(tmp_path) -> None:
    for text in (
        "ID,TIME,DV,LLOQ 1,0,BLQ,0.1 1,1,5,0.1 2,0,<0.1,0.1 2,1,0,0.1 2,2,.,0.1",
        "ID,TIME,DV,CENS 1,0,0.1,1 1,1,5,0 2,0,0.1,1 2,1,0.1,1",
        "ID,TIME,DV,BLQ,LLOQ 1,0,0,1,0.1 1,1,5,0,0.1 2,0,.,1,0.1 2,1,0,1,0.1",
    ):
        table = opened(tmp_path, text)
        assert table.followed is not None and table.followed.censored[:, 0].tolist() == [True, False, True, True]
        assert table.x[:, 0].tolist() == [0.1, 5, 0.1, 0.1]


def test_kinds_units_studies_and_steady_state(tmp_path) -> None:
    lines = [
        "ID,TIME (h),AMT (mg),DV,DVID,UNIT",
        "1,0,9,,,",
        "1,0,,5,1,mg/L",
        "1,0,,90,2,%",
        "2,0,,6,1,mg/L",
        "2,1,,80,2,%",
    ]
    (tmp_path / "b.csv").write_text("\n".join(lines))
    table = read(tmp_path / "b.csv", "b.csv")
    assert table.features == ("DVID 1 (mg/L)", "DVID 2 (%)") and set(table.obs["time_unit"]) == {"h"}
    assert table.followed is not None and table.followed.treatments == ("dose (mg)",)
    table = opened(tmp_path, "STUD,ID,TIME,DV 1,1,0,5 1,1,1,4 2,1,0,6 2,1,1,3")
    assert list(table.obs["subject"]) == ["1/1", "1/1", "2/1", "2/1"]
    table = opened(
        tmp_path, "ID,TIME,AMT,DV,CMT,SS,II 1,24,100,.,1,1,12 1,25,.,5,2,., 2,0,50,.,2,., 2,1,.,7,2,., 2,2,.,6,2,.,"
    )
    assert table.followed is not None and table.followed.treatments == ("dose into CMT 1", "dose into CMT 2")
    assert (
        doses(table)[0] == ("1", 24 - 20 * 12, 100, 0) and len(doses(table)) == 22 and "steady state" in table.notes[-1]
    )


@pytest.mark.parametrize(
    "text",
    [
        "ID,DATE,TIME,AMT,DV 1,05/01/2024,8:30,100,. 1,5-1-24,14:30,.,5 1,05/02/2024,8:30,.,4 2,05/03/2024,0:00,.,7",
        "ID,DAT1,TIME,AMT,DV 1,1-5-2024,8:30,100,. 1,1-5-24,14:30,.,5 1,2-5-2024,8:30,.,4 2,3-5-2024,0:00,.,7",
        "ID,DATE,TIME,AMT,DV 1,1,8:30,100,. 1,1,14:30,.,5 1,2,08:30:00,.,4 2,1,23:00,.,7",
        "ID,DATE,TIME,AMT,DV 1,20240531,8:30,100,. 1,20240531,14:30,.,5 1,20240601,08:30,.,4 2,20240601,24:00,.,7",
        "ID,TIME,AMT,DV 1,2024-05-01T08:30,100,. 1,2024-05-01T14:30:00,.,5 1,2024-05-02T08:30,.,4 2,2024-05-03,.,7",
    ],
)
def test_dates_and_times_of_day_are_hours_since_the_first_line(tmp_path, text) -> None:
    table = opened(tmp_path, text)
    assert list(table.obs["time"]) == [6, 24, 0] and set(table.obs["time_unit"]) == {"h"}
    assert doses(table) == [("1", 0, 100, 0)] and "hours since the first line" in " ".join(table.notes)


def test_a_date_beside_times_in_numbers_is_told(tmp_path) -> None:
    table = opened(tmp_path, "ID,DATE,TIME,DV 1,5-1-24,8,5 1,5-2-24,9,4 2,5-1-24,8,4 2,5-1-24,9,3")
    assert list(table.obs["time"]) == [8, 9, 8, 9] and "DATE is not read" in " ".join(table.notes)


BAD = {
    "a time of day that is none": ("ID,TIME,DV 1,8:30,5 1,9:75,4 2,8:00,4 2,9:00,4", "line 3, column TIME: '9:75'"),
    "a date that is none": (
        "ID,DATE,TIME,DV 1,2-30-24,8:30,5 1,3-1-24,9:00,4 2,3-1-24,8:00,4",
        "line 2, column DATE: '2-30-24' is no date: a month-day-year",
    ),
    "a line without the date of the others": (
        "ID,DATE,TIME,DV 1,.,8:30,5 1,5-1-24,9:00,4 2,5-1-24,8:00,4",
        "line 3, column DATE: this line has a date, and an earlier one of the individual no date",
    ),
    "a date among times of day": ("ID,TIME,DV 1,8:30,5 1,2024-05-01T09:00,4 2,8:00,4", "line 3, column TIME: this"),
    "six digits": ("ID,DATE,TIME,DV 1,240531,8:30,5 1,240601,9:00,4 2,240601,8:00,4", "'240531' is no date"),
    "a time zone": ("ID,TIME,DV 1,2024-05-01T08:30+02:00,5 1,2024-05-02T08:30+02:00,4 2,.,4", "time of day"),
    "a second of 75": ("ID,TIME,DV 1,8:30:75,5 1,9:00,4 2,8:00,4", "line 2, column TIME: '8:30:75'"),
    "half past midnight as 24:30": ("ID,TIME,DV 1,8:30,5 1,24:30,4 2,8:00,4", "line 3, column TIME: '24:30'"),
    "a time of day that goes back": ("ID,TIME,DV 1,22:00,5 1,3:00,4 2,8:00,4 2,9:00,4", "line 3, column TIME"),
    "one individual": ("ID,TIME,DV 1,0,5 1,1,4", "one individual (1)"),
    "individuals apart": ("ID,TIME,DV 1,0,5 2,0,4 2,1,4 1,1,3", "line 5, column ID: individual 1 appears again"),
    "a time below 0": ("ID,TIME,DV 1,-1,5 1,1,4 2,0,4", "line 2, column TIME: the time is below 0"),
    "no time": ("ID,TIME,DV 1,.,5 1,1,4 2,0,4", "line 2, column TIME: the time is missing"),
    "time goes back": ("ID,TIME,DV 1,3,5 1,1,4 2,0,4", "line 3, column TIME: the time is before"),
    "no interval": (
        "ID,TIME,AMT,DV,ADDL 1,0,9,.,3 1,1,.,4,. 2,0,.,4,.",
        "line 2, column ADDL: ADDL says more doses, and II",
    ),
    "no interval at steady state": ("ID,TIME,AMT,DV,SS 1,0,9,.,1 1,1,.,4,. 2,0,.,4,.", "line 2, column SS"),
    "two units": (
        "ID,TIME,DV,UNIT 1,0,5,mg 1,1,4,ng 2,0,4,mg",
        "line 3, column UNIT: DV is in ng here and in mg before",
    ),
    "a word": ("ID,TIME,DV 1,0,5 1,1,high 2,0,4", "line 3, column DV: 'high' is no number"),
    "a limit that is not given": ("ID,TIME,DV 1,0,5 1,1,BLQ 2,0,4", "line 3, column DV: 'BLQ' without the limit"),
    "above a limit": ("ID,TIME,DV,CENS 1,0,5,0 1,1,9,-1 2,0,4,0", "line 3, column CENS"),
    "a line twice": ("ID,TIME,DV 1,0,5 1,0,5 2,0,4", "line 3, column ID: the line is the same"),
    "a dose below 0": ("ID,TIME,AMT,DV 1,0,-5,. 1,0,,5 2,0,.,4", "line 2, column AMT"),
    "a dose without its amount": (
        "ID,TIME,AMT,DV,EVID 1,0,.,.,1 1,0,.,5,0 2,0,.,4,0",
        "line 2, column AMT: EVID says a dose",
    ),
    "an event of its own": ("ID,TIME,AMT,DV,EVID 1,0,5,.,7 1,0,.,5,0 2,0,.,4,0", "line 2, column EVID: this EVID"),
    "measured and given": (
        "ID,TIME,AMT,DV,EVID 1,0,5,.,0 1,0,.,5,0 2,0,.,4,0",
        "line 2, column EVID: EVID says a measurement",
    ),
    "MDV against EVID": ("ID,TIME,AMT,DV,EVID,MDV 1,0,5,.,1,0 1,0,.,5,0,0 2,0,.,4,0,0", "line 2, column MDV"),
    "one time": ("ID,TIME,DV 1,0,5 1,0,4 2,0,3", "measurements of one time only (0)"),
    "far too many doses": ("ID,TIME,AMT,DV,ADDL,II 1,0,9,.,1e30,1 1,1,.,4,., 2,0,.,4,.,", "at most 1,000,000 are read"),
    "too many doses": ("ID,TIME,AMT,DV,ADDL,II 1,0,9,.,9000000,1 1,1,.,4,., 2,0,.,4,.,", "9,000,001 doses"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_contradiction_is_told_by_line_and_column(tmp_path, case) -> None:
    text, words = BAD[case]
    with pytest.raises(InvalidInputError) as error:
        opened(tmp_path, text)
    assert words in str(error.value) and str(error.value).startswith("a.csv") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("head", "name"),
    [("ID,TIME (h),DV", each) for each in ("censored", "value", "variable", "subject", "time")]
    + [("patient,day,size", each) for each in ("censored", "value", "variable")],
)
def test_an_annotation_may_have_any_name(tmp_path, head, name) -> None:
    (tmp_path / "a.csv").write_text("\n".join([f"{head},{name}", "1,0,5,7", "1,1,4,7", "2,1,3,8", "2,2,2,8"]))
    table = read(tmp_path / "a.csv", "a.csv")
    assert table.x[:, 0].tolist() == [5, 4, 3, 2] and list(table.obs["subject"]) == ["1", "1", "2", "2"]
    assert list(table.obs["time"]) == [0, 1, 1, 2] and list(table.obs[f"{name} (annotation)"]) == [7, 7, 8, 8]


def test_a_dose_after_the_last_measurement_is_kept_and_told(tmp_path) -> None:
    table = opened(tmp_path, f"ID,TIME,AMT,DV,EVID 1,0,100,.,1 1,1,.,5,0 1,30,90,.,1 {MEASURED} 3,0,5,.,1")
    assert doses(table) == [("1", 0, 100, 0), ("1", 30, 90, 0)]
    assert (
        "individual 1 at 30" in " ".join(table.notes) and "1 individual with doses and no measurement" in table.notes[0]
    )


def test_cells_of_donors_are_no_individuals_followed(tmp_path) -> None:
    lines = [f"{k % 3},{k % 2},{k / 7},{-k}" for k in range(40)]
    table = opened(tmp_path, " ".join(["patient,day,x1,x2", *lines]))
    assert table.followed is None and table.format == "table"
    genes = opened(tmp_path, "ID,0,6,12 Sox2,1,2,3 Myc,4,5,6 Klf4,7,8,9")
    assert genes.followed is None


TABLES = {  # subjects or occasions, doses, measurements
    "warfarin": (32, 32, 483),
    "theo_sd": (12, 12, 132),
    "mavoglurant": (198, 198, 2427),
    "neural_pk_sim_data": (200, 1781, 5376),
}


@pytest.mark.parametrize("name", TABLES)
def test_published_tables(shared, name) -> None:
    people, given, measured = TABLES[name]
    table = read(shared / f"pharmacokinetics/{name}.csv", name)
    assert table.obs["subject"].nunique() == people and len(doses(table)) == given
    assert np.isfinite(table.x).sum() == measured
    assert (table.obs["total dose"] >= table.obs["dose"]).all() and (table.obs["time since dose"].dropna() >= 0).all()
