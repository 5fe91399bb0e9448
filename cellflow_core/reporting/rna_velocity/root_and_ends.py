"""Root and end states of arrows in words: along the order of the cells, or chosen. Pure: results in, words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from cellflow_core.analysis.results import Fates, VelocityAgreement
from cellflow_core.data.preprocessing.selection import in_the_middle
from cellflow_core.data.snapshots import NO_LABEL
from cellflow_core.figures.cells.packed_map import Mark
from cellflow_core.figures.fields import root_and_end_marks

OUTERMOST = 0.1
"""Share of the cells of the first and of the last group that are marked, those at the ends of the order."""
GROUPS = 12
"""Groups whose place in the order is named."""


def of_order(result: VelocityAgreement, codes: np.ndarray | None, names: Sequence[str], by: str) -> str:
    """Where the order begins and ends, by the groups of an annotation. codes [cells], into names."""
    place = _ordered(result, codes, names)
    if len(place) < 2:
        return ""
    ordered = list(place)
    kept = ordered if len(ordered) <= GROUPS else [*ordered[: GROUPS // 2], *ordered[-GROUPS // 2 :]]
    listed = [f"{names[k]} ({place[k]:.2f})" for k in kept]
    if len(kept) < len(ordered):
        listed.insert(GROUPS // 2, "...")
    return (
        f"Root and end states by {by}, found: the order begins in {names[ordered[0]]} and ends in "
        f"{names[ordered[-1]]}; median places from 0 to 1 are {', '.join(listed)}."
    )


def _ordered(result: VelocityAgreement, codes: np.ndarray | None, names: Sequence[str]) -> dict[int, float]:
    """Median place in the order of each named group, the first one first; nothing without groups."""
    if codes is None:
        return {}
    known = [k for k in range(len(names)) if names[k] not in NO_LABEL and (codes == k).any()]
    place = {k: float(np.median(result.order[codes == k])) for k in known}
    return dict(sorted(place.items(), key=lambda each: each[1]))


def marks_of_order(result: VelocityAgreement, codes: np.ndarray | None, names: Sequence[str]) -> tuple[Mark, ...]:
    """The groups that the order begins and ends in, marked in the middle of the first and of the last of their cells
    (OUTERMOST) on the map."""
    place = _ordered(result, codes, names)
    if codes is None or len(place) < 2:
        return ()
    first, *_, last = place
    own, end = codes == first, codes == last
    own &= result.order <= np.quantile(result.order[own], OUTERMOST)
    end &= result.order >= np.quantile(result.order[end], 1 - OUTERMOST)
    root, last_place = (result.cells[in_the_middle(result.cells, each)] for each in (own, end))
    return root_and_end_marks.root_and_ends((names[first], root), [(names[last], last_place)])


def marks_of_fates(result: Fates, start: str) -> tuple[Mark, ...]:
    """The root, in the middle of the start cells, and the terminal states, the likeliest first. start: name of it"""
    order = np.argsort(-result.share, kind="stable")
    root = None if result.root is None else (start or "root", result.root)
    return root_and_end_marks.root_and_ends(root, [(result.names[k], result.centers[k]) for k in order])


class Places(NamedTuple):
    """Median places in the order along the arrows, 0 to 1, of the root (None: not known) and of groups by name."""

    root: float | None = None
    groups: Mapping[str, float] = MappingProxyType({})

    def of(self, ends: Sequence[str]) -> dict[str, float]:
        """Of those of the ends that are known; none where that of the root is not."""
        return {} if self.root is None else {each: self.groups[each] for each in ends if each in self.groups}


def of_fates(result: Fates, places: Places) -> str:
    """Which cells are the root, and to which ends the arrows lead from there."""
    order = np.argsort(-result.share, kind="stable")
    ends = ", ".join(f"{result.names[k]} ({result.share[k]:.0%})" for k in order)
    text = f"Root: {result.of or 'all cells'}. Ends, with the share of these cells that the arrows lead there: {ends}."
    if result.elsewhere > 0:
        text += f" {result.elsewhere:.0%} of the root cells reach none of them and are left out."
    known = places.of(result.names)
    if not known:
        return text
    listed = ", ".join(f"{name} {place:.2f}" for name, place in known.items())
    return f"{text} Median places in the order along the arrows, from 0 to 1: root {places.root:.2f}, {listed}."


def against(result: Fates, places: Places) -> str:
    """That the order along the arrows has ends no later than the root, where it has; "" elsewhere."""
    before = [name for name, place in places.of(result.names).items() if place <= (places.root or 0.0)]
    if not before:
        return ""
    verb = "is" if len(before) == 1 else "are"
    return (
        f"The arrows run against this choice: in the order along them, {', '.join(before)} {verb} no later than "
        "the root. The choice or the arrows are wrong."
    )
