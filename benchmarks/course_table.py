"""The table of `courses.py` in a terminal. `/ last`: CRPS over that of the last value for the same individuals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cellflow_core.selection.benchmark_results import crps_ratios


def table(found: Mapping[str, Any]) -> str:
    """Of each variable: every model's scores after a history, mean and spread over seeds, and CRPS by horizon."""
    data, where = found["data"], found["machine"]
    lines = [
        f"{found['protocol']}, {data['name']}: {data['individuals']} individuals, {data['values']} values, "
        f"{found['held_out']} of them held out, preset {found['preset']}, {found['date']}",
        f"{where['system']}, {where['cores']} cores, {where['threads']} thread(s), torch {where['torch']}",
    ]
    labels = [*dict.fromkeys(each["model"] for each in found["rows"])]
    for variable in data["variables"]:
        ratios = {label: crps_ratios(found, label).get(variable, math.nan) for label in labels}
        lines += _variable(found["rows"], ratios, variable)
    lines += [f"failed: {each['model']} seed {each['seed']}: {each['error']}" for each in found["failed"]]
    return "\n".join(lines)


def _variable(rows: list[Mapping[str, Any]], ratios: Mapping[str, float], variable: str) -> list[str]:
    wide = max(16, *map(len, ratios)) if ratios else 16
    head = f"{'RMSE':>16} {'RMSPE':>14} {'CRPS':>16} {'/ last':>7} {'in 90 %':>8} {'before':>8}  CRPS by horizon"
    lines = ["", f"{variable:{wide}} {head} {'CPU s':>8} {'seeds':>6}"]
    for label in ratios:
        own = [each for each in rows if each["model"] == label]
        held = [each["variables"][variable] for each in own]
        cells = [
            _spread([each["after"]["rmse"] for each in held], 16),
            _spread([_percent(each["after"]["rmspe"]) for each in held], 14),
            _spread([each["after"]["crps"] for each in held], 16),
            f"{ratios[label]:7.2f}",
            f"{_mean([each['after']['coverage'] for each in held]):8.2f}",
            f"{_mean([each['before']['crps'] for each in held]):8.3g} ",
        ]
        by = max((len(each["by_horizon"]) for each in held), default=0)
        for k in range(by):
            at = [each["by_horizon"][k]["crps"] for each in held if k < len(each["by_horizon"])]
            cells.append(f"{_mean(at):.3g}")
        cpu = _mean([each["cpu"] for each in own])
        lines.append(f"{label:{wide}} {' '.join(cells)} {cpu:8.1f} {len(own):6}")
    return lines


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _mean(values: list[float | None]) -> float:
    known = [each for each in values if each is not None]
    return float(np.mean(known)) if known else math.nan


def _spread(values: list[float | None], width: int) -> str:
    known = [each for each in values if each is not None]
    if not known:
        return f"{'-':>{width}}"
    text = f"{np.mean(known):.3g}" + (f" ± {np.std(known, ddof=1):.2g}" if len(known) > 1 else "")
    return f"{text:>{width}}"
