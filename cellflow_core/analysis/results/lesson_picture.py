"""What a lesson shows: layers of points, lines, arrows and bars, some of them only once a prediction was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Array = np.ndarray
Role = Literal["first", "second", "third", "truth", "quiet"]


@dataclass(frozen=True)
class Layer:
    """One layer of a picture.

    kind    "points"; "lines", whose parts NaN divide; "arrows" from (x, y) to (to_x, to_y); "bars" of
            height y, with `names`
    role    what it is drawn as: a first, second or third thing, the truth, or what is there for orientation only
    answer  shown only once the prediction was made
    """

    kind: Literal["points", "lines", "arrows", "bars"]
    name: str
    x: Float[Array, " n"]
    y: Float[Array, " n"]
    role: Role = "first"
    answer: bool = False
    to_x: Float[Array, " ..."] | None = None
    to_y: Float[Array, " ..."] | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LessonPicture:
    """Layers in the order in which they are drawn.

    equal  one unit is as long on both axes; share: the second axis is a share, 0 to 1
    """

    layers: tuple[Layer, ...]
    x: str = ""
    y: str = ""
    equal: bool = False
    share: bool = False


def segments(
    begin: Float[Array, "n 2"], end: Float[Array, "n 2"]
) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
    """(x, y) of straight lines, divided by NaN."""
    gap = np.full(len(begin), np.nan)
    return tuple(np.stack([begin[:, k], end[:, k], gap], axis=1).ravel() for k in (0, 1))  # type: ignore[return-value]


def paths(each: Float[Array, "times n 2"]) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
    """(x, y) of trajectories, divided by NaN."""
    gap = np.full((1, *each.shape[1:]), np.nan)
    joined = np.concatenate([each, gap]).transpose(1, 0, 2).reshape(-1, 2)
    return joined[:, 0], joined[:, 1]
