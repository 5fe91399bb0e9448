"""Tables of individuals followed over time, as NONMEM reads them: id, time, dv, amt, evid, mdv, dvid or cmt."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.data.readers.table import Table

SUBJECTS = ("id", "subject", "subj", "patient", "ptnm", "usubjid", "subjid")
VALUES = ("dv", "conc", "concentration")
_NOT_KEPT = {"evid", "mdv", "amt", "rate", "cmt", "dvid", "addl", "ii", "ss"}


def of_frame(frame: Any) -> Table | None:
    """One row for each subject and time with a measurement; None where the columns are not of this kind.

    Features are the kinds of measurement (NaN where one was not taken at that time); obs has `subject`, `time`, `dose`
    (amount given last), `time since dose` (NaN before the first), `total dose`, and what else the table says.
    """
    import pandas as pd

    column = {str(each).lower(): each for each in frame.columns}
    subject = next((column[each] for each in SUBJECTS if each in column), None)
    value = next((column[each] for each in VALUES if each in column), None)
    if subject is None or value is None or "time" not in column or frame[value].dtype.kind not in "fiu":
        return None
    if frame[column["time"]].dtype.kind not in "fiu" or frame[subject].nunique() < 2:
        return None
    study = next((column[each] for each in ("stud", "study", "studyid") if each in column), None)
    if study is not None:  # numbers of subjects begin again in each study
        frame = frame.assign(**{subject: frame[study].map(_plain) + "/" + frame[subject].map(_plain)})
    if "occ" in column and (frame.groupby(subject)[column["time"]].diff() < 0).any():  # times begin again as well
        frame = frame.assign(**{subject: frame[subject].map(_plain) + "/" + frame[column["occ"]].map(_plain)})
    frame = frame.sort_values([subject, column["time"]], kind="stable", ignore_index=True)
    dosed = _doses(frame, subject, column)
    seen = frame[value].notna().to_numpy()
    for each in ("evid", "mdv"):
        if each in column:
            seen &= frame[column[each]].to_numpy() == 0
    frame = frame.assign(**dosed)[seen]
    kind = column.get("dvid") or _kind_of_compartment(frame, column)
    what = frame[kind].astype(str) if kind is not None else str(value)
    features = sorted(set(what)) if kind is not None else [str(value)]
    keys = frame[[subject, column["time"]]].assign(what=what)
    again = keys.groupby([subject, column["time"], "what"], dropna=False).cumcount()  # one kind twice at one time
    rows, found = pd.factorize(pd.MultiIndex.from_frame(keys.drop(columns="what").assign(again=again)))
    distinct = len(found)
    x = np.full((distinct, len(features)), np.nan)
    places = [features.index(each) for each in what] if kind is not None else [0] * len(frame)
    x[rows, places] = frame[value].to_numpy(dtype=np.float64)
    first = frame.iloc[np.unique(rows, return_index=True)[1]]
    taken = {subject, value, kind, column["time"], *(column[each] for each in _NOT_KEPT & set(column)), *dosed}
    obs = first[[each for each in first.columns if each not in taken]].reset_index(drop=True)
    obs.insert(0, "subject", first[subject].map(_plain).to_numpy())
    obs.insert(1, "time", first[column["time"]].to_numpy(dtype=np.float64))
    for key in dosed:
        obs[key] = first[key].to_numpy()
    notes = [
        f"{frame[subject].nunique()} subjects (or occasions of subjects) are followed over time; "
        f"{int((~seen).sum())} rows of doses or without a measurement are no rows here"
    ]
    return Table("subject table", x, tuple(features), obs, notes=tuple(notes))


def _doses(frame: Any, subject: Any, column: dict[str, Any]) -> dict[str, Any]:
    """Amount given last, time since then, and all that was given so far, for each row."""
    if "amt" not in column:
        return {}
    amount = frame[column["amt"]].fillna(0.0).to_numpy(dtype=np.float64)
    time = frame[column["time"]].to_numpy(dtype=np.float64)
    given = frame[[subject]].assign(last=np.where(amount > 0, amount, np.nan), at=np.where(amount > 0, time, np.nan))
    last = given.groupby(subject)[["last", "at"]].ffill()
    total = frame[[subject]].assign(total=amount).groupby(subject)["total"].cumsum()
    return {
        "dose": last["last"].fillna(0.0).to_numpy(),
        "time since dose": time - last["at"].to_numpy(),
        "total dose": total.to_numpy(),
    }


def _kind_of_compartment(frame: Any, column: dict[str, Any]) -> Any:
    """The compartment tells kinds of measurement apart where more than one was measured."""
    held = column.get("cmt")
    return held if held is not None and frame[held].nunique() > 1 else None


def _plain(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
