"""Fixed points of a field in words and as a table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cellflow_core.analysis.results import FixedPoints
from cellflow_core.plural import counted
from cellflow_core.time_units import singular

WHERE = {"attractor": "cells settle", "saddle": "cells pass and part", "repeller": "cells leave"}
"""What a fixed point of each kind is to cells."""


def of_fixed_points(result: FixedPoints, names: Sequence[str], groups: Sequence[str] = ()) -> str:
    """One sentence. names: of the points; groups: of the cell nearest to each, () where none are known."""
    drawn = [k for k in range(len(result.kinds)) if result.supported[k]]
    outside = len(result.kinds) - len(drawn)
    beyond = f" {counted(outside, 'more')} far from every cell: no data support it." if outside else ""
    if not drawn:
        return f"The field of this time vanishes nowhere among the cells: it moves all of them on.{beyond}"
    count = Counter(result.kinds[k] for k in drawn)
    listed = ", ".join(f"{counted(count[kind], kind)} (where {what})" for kind, what in WHERE.items() if count[kind])
    named = ", ".join(f"{names[k]} in {groups[k]}" for k in drawn if groups and groups[k])
    return " ".join(filter(None, (f"Fixed points among the cells: {listed}.", named and f"{named}.", beyond.strip())))


def rows(result: FixedPoints, names: Sequence[str], groups: Sequence[str] = (), by: str = "") -> dict[str, list[Any]]:
    """One row a fixed point. by: the annotation that `groups` are of."""
    unit = singular(result.time_unit) or "time unit"
    return {
        "fixed point": list(names),
        "kind": list(result.kinds),
        **({f"nearest cell ({by})": list(groups)} if groups else {}),
        "cells around it": ["yes" if each else "no" for each in result.supported],
        f"directions it grows in (of {result.dim})": result.unstable.tolist(),
        f"rate (1 / {unit})": [float(f"{each:.3g}") for each in result.rate],
        "cells circle it": ["yes" if each else "no" for each in result.rotating],
    }
