"""Settings of paths and bridges that methods share."""

from __future__ import annotations

from dataclasses import dataclass

from cellflow_core.config import Config, setting


@dataclass(frozen=True)
class PathNoiseSettings(Config):
    """Probability paths of flow matching: Gaussians around the path between two paired cells."""

    sigma: float = setting(
        0.1,
        "path noise sigma: width of the Gaussian around the path of a pair",
        0.0,
        10.0,
        "standard deviations (pooled)",
    )


@dataclass(frozen=True)
class DiffusionSettings(Config):
    """Brownian motion dx = b dt + sigma dW, the same in every direction."""

    sigma: float = setting(
        0.25,
        "diffusion coefficient sigma",
        0.01,
        10.0,
        "standard deviations (pooled) per square root of a time interval",
    )
