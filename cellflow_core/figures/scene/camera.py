"""Where a 3D scene is looked at from, so that it fills its frame."""

from __future__ import annotations

import numpy as np

HALF_VIEW = np.tan(np.deg2rad(22.5))
"""Half of the height that plotly's camera sees at distance 1."""
FRAME = 1.1
"""Width of the frame over its height."""
TURN, UP = np.deg2rad(22), np.deg2rad(34)
"""How far the camera is turned from straight ahead, and how high it stands."""
FILL = (0.86, 0.78)
"""Share of the frame's width and height that the scene may fill: legend and buttons need room above and below."""


def fitted(places: np.ndarray, ahead: float) -> dict:
    """Plotly's camera from where things move towards the reader and a little from the side, as in Waddington's drawing,
    as near as all places fit.

    places  [points, 3] of what is seen, in units of the scene's aspect ratio about its middle
    ahead   angle of the motion in the plane
    """
    turned = ahead + TURN
    away = np.array([np.cos(turned) * np.cos(UP), np.sin(turned) * np.cos(UP), np.sin(UP)])
    right = np.array([-np.sin(turned), np.cos(turned), 0.0])
    above = np.cross(away, right)
    seen = places @ np.stack([right, above, away], axis=1)
    middle, distance = (seen.min(axis=0) + seen.max(axis=0)) / 2, 2.0
    for _ in range(12):  # nearer or farther, and to the middle of what is seen, until both stand
        depth = distance - (seen[:, 2] - middle[2])
        flat = (seen[:, :2] - middle[:2]) / depth[:, None] / HALF_VIEW / [FRAME, 1]
        low, high = flat.min(axis=0), flat.max(axis=0)
        middle[:2] += (low + high) / 2 * distance * HALF_VIEW * [FRAME, 1]
        distance *= float(((high - low) / 2 / FILL).max())
    center = middle @ np.stack([right, above, away])
    eye = center + distance * away
    return {
        "eye": dict(zip("xyz", eye.tolist(), strict=True)),
        "center": dict(zip("xyz", center.tolist(), strict=True)),
    }
