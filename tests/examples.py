"""Results as the analyses return them, made up: for tests that draw and read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.analysis import results
from tests.example_scores import distances as distances
from tests.example_scores import scores as scores

HOSTILE = '<img src=x onerror="alert(1)"><a href="javascript:alert(2)">%{x}</a> $\\frac12$'
TIMES = np.arange(5.0)


def cells(count: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cells [count, 2] that leave one place and split in two, and their time [count]."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.choice(TIMES, count))
    side = np.where(rng.random(count) < 0.35, -1.0, 1.0)
    middle = np.stack([2 * t - 4, side * np.maximum(t - 1, 0)], axis=1)
    return (middle + 0.45 * rng.standard_normal((count, 2))).astype(np.float32), t


def _grid(points: np.ndarray, size: int = 36) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x, y = (np.linspace(points[:, k].min() - 0.4, points[:, k].max() + 0.4, size) for k in (0, 1))
    gx, gy = np.meshgrid(x, y)
    far = np.sqrt(((np.stack([gx, gy], -1)[:, :, None] - points[None, None]) ** 2).sum(-1).min(-1)) > 0.5
    return x, y, gx, gy, far


def flow(**change: Any) -> results.FlowField:
    points, _ = cells()
    x, y, gx, gy, far = _grid(points)
    u, v = (np.where(far, np.nan, each) for each in (2 + 0.2 * np.cos(gy), np.tanh(gy) * np.clip(gx + 2, 0, 2)))
    made = {
        "view": "pca",
        "time": 2.0,
        "time_unit": "days",
        "axes": ("PC 1", "PC 2"),
        "x": x,
        "y": y,
        "u": u,
        "v": v,
        "speed": np.hypot(u, v),
        "cells": points,
        "notes": ("Averaged over 400 cells.",),
    }
    return results.FlowField(**(made | change))


def landscape(**change: Any) -> results.Landscape:
    points, t = cells()
    x, y, gx, gy, far = _grid(points)

    def height(px: np.ndarray, py: np.ndarray) -> np.ndarray:
        return -0.6 * px + np.where(px > -2, -0.25 * np.abs(py) * (px + 2), 0.3 * py**2)

    particles, s = 24, np.linspace(0, 4, 30)[:, None]
    side = np.where(np.arange(particles) % 3 == 0, -1.0, 1.0)[None]
    paths = np.stack([2 * s - 4 + 0 * side, side * np.maximum(s - 1, 0)], -1)
    paths += 0.25 * np.random.default_rng(1).standard_normal((1, particles, 2))
    made = {
        "view": "pca",
        "kind": "learnt potential",
        "unit": "state²/days",
        "axes": ("PC 1", "PC 2"),
        "x": x,
        "y": y,
        "height": np.where(far, np.nan, height(gx, gy)),
        "cells": points,
        "cell_height": height(points[:, 0], points[:, 1]),
        "cell_time": t,
        "paths": paths,
        "path_height": height(paths[..., 0], paths[..., 1]),
        "path_times": s[:, 0],
        "non_gradient": 0.18,
        "basins": ("Erythroid", ""),
        "bottom": np.array([[4.0, y, height(4.0, y)] for y in (2.5, -2.5)]),
    }
    made |= {"numbers": (1, 2), "saddles": np.array([[1.0, 0.0, height(1.0, 0.0)]]), "sides": np.array([[0, 1]])}
    made |= {"local_non_gradient": np.where(far | (gx < -2), np.nan, np.clip(0.2 + 0.2 * gy, 0, 1))}
    made |= {"barrier": np.array([1.25, np.nan]), "settled": np.array([0.65, 0.33]), "simulated": 600}
    return results.Landscape(**(made | change))


def course(**change: Any) -> results.TimeCourse:
    rng = np.random.default_rng(2)
    steps, count = 41, 150
    s, side = np.linspace(0, 4, steps)[:, None], np.where(rng.random(count) < 0.35, -1.0, 1.0)[None]
    predicted = np.stack([2 * s - 4 + 0 * side, side * np.maximum(s - 1, 0)], -1) + 0.4 * rng.standard_normal(
        (1, count, 2)
    )
    weight = np.full((steps, count), 1 / count)
    made = {
        "view": "pca",
        "axes": ("PC 1", "PC 2"),
        "time_unit": "days",
        "started_from": "the measured cells of time 0",
        "times": s[:, 0],
        "predicted": predicted,
        "weight": weight,
        "measured_times": TIMES,
        "w1": np.array([np.nan, 0.31, 0.36, 0.42, 0.44]),
        "w1_previous": np.array([np.nan, 2.0, 2.1, 2.2, 2.1]),
        "w1_floor": np.array([np.nan, 0.2, 0.22, 0.24, 0.25]),
        "in_training": np.array([True, True, False, True, True]),
    }
    return results.TimeCourse(**(made | change))


def growing_flow(**change: Any) -> results.FlowField:
    """Cells that die below and divide above."""
    return flow(**({"growth": 0.2 * cells()[0][:, 1].astype(float)} | change))


def growing_course(**change: Any) -> results.TimeCourse:
    """Cells that double each day, counted too."""
    number = 2.0 ** course().times
    mass = np.stack([0.9 * number, number, 1.1 * number], axis=1)
    return course(**({"mass": mass, "measured_mass": 2.0**TIMES} | change))


def growing_fates(**change: Any) -> results.Fates:
    """Half of the cells take each way, and those of one multiply."""
    alone = np.array([[0.44, 0.5, 0.56]] * 2)
    added = np.array([[0.05, 0.12, 0.19], [-0.19, -0.12, -0.05]])
    return fates(**({"without_growth": alone, "growth_effect": added} | change))


def trend(**change: Any) -> results.GeneTrend:
    s = np.linspace(0, 4, 41)
    mean = 1 / (1 + np.exp(2 - s))
    at = 1 / (1 + np.exp(2 - TIMES)) + 0.03
    made = {
        "gene": "Gata1",
        "time_unit": "days",
        "times": s,
        "mean": mean,
        "measured_times": TIMES,
        "measured_mean": at,
        "quantiles": np.stack([mean - 0.2, mean - 0.02, mean + 0.25], 1),
        "measured_quantiles": np.stack([at - 0.3, at, at + 0.3], 1),
    }
    return results.GeneTrend(**(made | change))


def fates(**change: Any) -> results.Fates:
    points, t = cells()
    made = {
        "view": "pca",
        "names": ("Erythroid", "Myeloid"),
        "share": np.array([0.62, 0.38]),
        "low": np.array([0.55, 0.31]),
        "high": np.array([0.69, 0.45]),
        "measured": np.array([0.65, 0.35]),
        "centers": np.array([[4.0, 3.0], [4.0, -3.0]]),
        "starts": points[t == 0],
        "probability": np.tile([0.62, 0.38], ((t == 0).sum(), 1)),
        "fate": (np.arange((t == 0).sum()) % 8 > 4).astype(int),
        "undefined": 0.04,
        "elsewhere": 0.01,
        "interval": "cells drawn",
    }
    return results.Fates(**(made | change))


def futures(**change: Any) -> results.TrajectoryEnsemble:
    """Sixty futures of one cell that part into two."""
    rng = np.random.default_rng(3)
    times = np.linspace(0, 4, 21)
    side = np.where(np.arange(60) % 3 == 0, -1.0, 1.0)
    paths = np.stack([2 * times[:, None] - 4 + 0 * side, side * np.maximum(times[:, None] - 1, 0)], -1)
    paths += 0.1 * np.sqrt(times)[:, None, None] * rng.standard_normal((1, 60, 2))
    ends = np.where(side > 0, 0, 1)
    bundles = [paths[:, ends == k] for k in (0, 1)]
    made = {
        "view": "pca",
        "axes": ("PC 1", "PC 2"),
        "time_unit": "days",
        "kind": "stochastic",
        "start": "cell 7 of time 0",
        "cell": 7,
        "starts": paths[0, :1],
        "times": times,
        "paths": paths,
        "weight": np.full((21, 60), 1 / 60),
        "mean": np.stack([each.mean(axis=1) for each in bundles]),
        "covariance": np.stack([[np.cov(x, rowvar=False) for x in each] for each in bundles]),
        "spread": 0.5 * np.sqrt(times),
        "measured_times": TIMES,
        "measured_spread": np.array([0.5, 0.7, 1.0, 1.4, 1.9]),
        "ends": ends,
        "names": ("Erythroid", "Myeloid"),
        "share": np.array([0.66, 0.34]),
        "low": np.array([0.54, 0.23]),
        "high": np.array([0.77, 0.46]),
        "centers": np.array([[4.0, 3.0], [4.0, -3.0]]),
        "interval": "95 %, for 60 futures; one training only",
    }
    return results.TrajectoryEnsemble(**(made | change))


def clones(**change: Any) -> results.ClonalBias:
    """Two early cells of each of forty clones, predicted a little better than by guessing."""
    rng = np.random.default_rng(4)
    clone = np.repeat(np.arange(40.0), 2)
    observed = np.where(clone % 2, 1.0, np.where(clone % 4, 0.25, 0.0))
    observed[:2] = 0.5
    predicted = np.clip(0.35 + 0.3 * observed + 0.15 * rng.standard_normal(80), 0, 1)
    made = {
        "view": "pca",
        "axes": ("PC 1", "PC 2"),
        "time_unit": "days",
        "names": ("Erythroid", "Myeloid"),
        "predicted": predicted,
        "without_growth": np.clip(predicted - 0.05, 0, 1),
        "observed": observed,
        "later": np.repeat(rng.integers(1, 9, 40).astype(float), 2),
        "clone": clone,
        "time": np.tile([0.0, 1.0], 40),
        "points": cells(80)[0],
        "auroc": np.array([0.68, 0.79, 0.88]),
        "ungrown_auroc": np.array([0.6, 0.72, 0.82]),
        "interval": "95 % of bootstrap samples of the 40 clones; one training only",
        "notes": ("80 early cells of 40 clones.",),
    }
    return results.ClonalBias(**(made | change))


def ancestry(**change: Any) -> results.Ancestry:
    """The family of the cells of the last time that are above: three in four of them come from above."""
    points, t = cells()
    up = points[:, 1] > 0
    weight = np.where(up, 3.0, 1.0) * ((t < 4) | up)
    weight /= np.array([weight[t == each].sum() for each in TIMES])[np.searchsorted(TIMES, t)]
    share = np.array([[weight[(t == each) & side].sum() for side in (up, ~up)] for each in TIMES])
    made = {
        "view": "pca",
        "axes": ("PC 1", "PC 2"),
        "time_unit": "days",
        "chosen": "40 of 80 cells of time 4 with type = up",
        "time": 4.0,
        "points": points,
        "cell_time": t,
        "weight": weight,
        "times": TIMES,
        "mass": np.array([np.nan] * 4 + [1.0]),
        "names": ("up", "down"),
        "share": share,
    }
    return results.Ancestry(**(made | change))


def perturbation(**change: Any) -> results.Perturbation:
    before, after = course().predicted, course().predicted.copy()
    after[..., 1] = np.abs(after[..., 1])
    made = {
        "view": "pca",
        "axes": ("PC 1", "PC 2"),
        "genes": ("Gata1",),
        "kind": "knock-out",
        "levels": (0.0,),
        "unit": "log counts",
        "kept_variance": 0.6,
        "start": "all cells of time 0",
        "time_unit": "days",
        "names": ("Erythroid", "Myeloid"),
        "before": np.array([0.62, 0.38]),
        "after": np.array([0.31, 0.69]),
        "change": np.array([-0.31, 0.31]),
        "low": np.array([-0.36, 0.26]),
        "high": np.array([-0.26, 0.36]),
        "interval": "cells and noise drawn",
        "times": course().times,
        "before_paths": before[:, :40],
        "after_paths": after[:, :40],
        "before_end": before[-1],
        "after_end": after[-1],
        "control_genes": ("Actb", "Rpl3", "Lamp1"),
        "control_change": np.array([[0.02, -0.02], [-0.03, 0.03], [0.01, -0.01]]),
        **{"extrapolated_fraction": 0.04, "extrapolated_before": 0.01},
        "end_extrapolated": np.array([0.01, 0.03]),
        "end_distance": np.array([0.4, 0.5, 0.6]),
        "read_genes": ("Gata1", "Klf1", "Actb", "Spi1"),
        "gene_change": np.array([-2.0, -0.9, 0.01, 0.7]),
        "gene_mean": np.array([[2.0, 1.5, 3.0, 0.2], [0.0, 0.6, 3.01, 0.9]]),
        "gene_low": np.array([-2.1, -1.0, -0.02, 0.6]),
        "gene_high": np.array([-1.9, -0.8, 0.04, 0.8]),
        "gene_control": np.array([[-0.1, 0.1]] * 4),
        "gene_as_large": np.array([0.0, 0.0, 1.0, 0.0]),
        "total_change": 0.6,
        "control_total_change": np.array([0.05, 0.02, 0.1]),
        "end_time": np.array([3.9, 3.9]),
        "time_shift": np.array([-0.02, 0.0, 0.02]),
        "control_time_shift": np.array([0.05, -0.02, 0.0]),
        "late_progress": np.array([0.9, 0.9]),
    }
    return results.Perturbation(**(made | change))
