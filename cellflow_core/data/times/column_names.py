"""What the name of a column tells: whether it may hold times, and in which unit."""

from __future__ import annotations

import re

from cellflow_core.time_units import UNIT_OF

_TIME = r"time|(?<![a-z])(?:days?|hours?|hrs?|weeks?|months?|stages?|age|snapshots?|[dhw]pf|[dhw]pi|dpa|dpc|t"
_TIME_NAME = re.compile(rf"{_TIME}|samples?|sample_?labels?)(?![a-z])", re.I)
_MEASURED_TIME_NAME = re.compile(rf"{_TIME}|develop\w*|dev_?stage|gestation\w*)(?![a-z])", re.I)
_AGE_NAME = re.compile(r"(?<![a-z])(?:ages?|stages?|develop\w*|dev|embryo\w*|gestation\w*)(?![a-z])", re.I)
_CONTINUOUS_NAME = re.compile(
    r"pseudo_?time|latent_?time|(?<![a-z])(?:dpt|times?|days?|hours?|hrs?|weeks?|months?|age|t)(?![a-z])", re.I
)
_OTHER_NAME = re.compile(
    r"batch|cluster|leiden|louvain|replicate|(?<![a-z])rep(?![a-z])|donor|patient|subject|plate|lane|phase|clone|barcode|"
    r"index|n_genes|n_counts|total|percent|pct|score|well|split|fold|size|cell_?type|cell_?id|weight|perturb|guide|(?<![a-z])(?:runs?|series|lineage|realisations?)(?![a-z])",
    re.I,
)
_NUMBERED_NAME = re.compile(
    r"(?<![a-z])(?:librar(?:y|ies)|batch|replicate|rep|lane|channel|pool|plate|well|donor|patient|subject|gem)(?![a-z])",
    re.I,
)
_PEOPLE_NAME = re.compile(r"donor|patient|subject|individual|mouse|animal|person|embryo(?!nic)", re.I)
_SHORT = {"h": "hour", "d": "day", "w": "week", "y": "year"}


def is_time_name(column: str) -> bool:
    """Is this how people name a column of times?"""
    return bool(_TIME_NAME.search(column))


def is_measured_time_name(column: str) -> bool:
    """Does the name say time, and not only sample?"""
    return bool(_MEASURED_TIME_NAME.search(column))


def is_age_name(column: str) -> bool:
    """Is it the age or stage of an animal or an embryo?"""
    return bool(_AGE_NAME.search(column))


def is_continuous_name(column: str) -> bool:
    """Is this how people name a column of times or pseudotimes that takes many values?"""
    return bool(_CONTINUOUS_NAME.search(column))


def is_other_name(column: str) -> bool:
    """Is this how people name a column of something else than times?"""
    return bool(_OTHER_NAME.search(column)) and not is_time_name(column)


def numbers_something(column: str) -> bool:
    """Do whole numbers in such a column count libraries, wells or batches rather than time?"""
    return bool(_NUMBERED_NAME.search(column)) and not is_time_name(column)


def is_name_of_individuals(column: str) -> bool:
    """Does the column name donors, patients or animals?"""
    return bool(_PEOPLE_NAME.search(column))


def unit_of_name(column: str) -> str:
    """The unit that the name of a column tells ("day_mid" is day, "time_h" hour), "" where it tells none."""
    words = [each for each in re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()) if each]
    if re.search(r"pseudo_?time|latent_?time|(?<![a-z])dpt(?![a-z])", column, re.I):
        return "pseudotime"
    if "stage" in words:
        return "stage"
    if "passage" in words:
        return "passage"
    known = next((UNIT_OF[each] for each in words if len(each) > 1 and each in UNIT_OF), "")
    if not known and len(words) > 1 and words[-1] in _SHORT and is_measured_time_name(column):
        return _SHORT[words[-1]]
    return known
