"""Courses of individuals without their measurement noise, by Gaussian processes.

Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, equations 2.23, 2.24 and 5.8: covariance
s^2 exp(-(t - t')^2 / (2 l^2)) around the mean of each course, noise r s^2. Length l and noise r of each variable are
those of a grid under which the measurements of all courses together are likeliest; s^2 follows in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cellflow_core.data.trajectory_batch import TrajectoryTensors

MOST_ROWS = 100
"""Measurements of one course; longer ones are cut into pieces, each smoothed by itself."""
LEAST_ROWS = 3
FINE = 8
"""Points of the smooth course between two measurements, on average."""
LENGTHS, NOISES = 12, 14


@dataclass(frozen=True)
class Courses:
    """Pieces of measured courses.

    t         [pieces, rows], padded with the last time; x and observed [pieces, rows, variables]
    subject   [pieces], the individual of each piece, by number
    """

    t: Float[Tensor, "pieces rows"]
    x: Float[Tensor, "pieces rows variables"]
    observed: Bool[Tensor, "pieces rows variables"]
    subject: Tensor

    @classmethod
    def of(cls, frames: TrajectoryTensors) -> Courses:
        """Raises ValueError where no individual has LEAST_ROWS measurements."""
        measured = frames.observed.any(dim=2)
        found = [
            (k, part)
            for k, rows in enumerate(each.nonzero()[:, 0] for each in measured)
            for part in rows.chunk(max(1, -(-len(rows) // MOST_ROWS)))
            if len(part) >= LEAST_ROWS
        ]
        if not found:
            raise ValueError(f"no individual was measured {LEAST_ROWS} times, so there is no course to smooth")
        most = max(len(part) for _, part in found)
        taken = torch.stack([torch.cat([part, part[-1:].expand(most - len(part))]) for _, part in found])
        there = torch.stack([torch.arange(most, device=measured.device) < len(part) for _, part in found])
        who = torch.tensor([k for k, _ in found], device=measured.device)
        x, observed = (each[who[:, None], taken].clone() for each in (frames.x, frames.observed))
        return cls(frames.t[who[:, None], taken].double(), x.double(), observed & there[:, :, None], who)

    def fine_times(self) -> Float[Tensor, "pieces points"]:
        """Equally spaced from the first to the last time of each piece."""
        first, last = self.t[:, :1], self.t[:, -1:]
        share = torch.linspace(0, 1, FINE * (self.t.shape[1] - 1) + 1, dtype=self.t.dtype, device=self.t.device)
        return first + (last - first) * share

    def smoothed(self, times: Float[Tensor, "pieces points"]) -> Float[Tensor, "pieces points variables"]:
        """The posterior mean of each course at `times`."""
        found = [self._variable(times, k) for k in range(self.x.shape[2])]
        return torch.stack(found, dim=2)

    def _variable(self, times: Tensor, k: int) -> Float[Tensor, "pieces points"]:
        known = self.observed[:, :, k].double()
        mean = (self.x[:, :, k] * known).sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True).clamp_min(1)
        y = (self.x[:, :, k] - mean) * known
        best, kept = torch.inf, None
        for length in self._lengths():
            kernel = _covariance(self.t, self.t, length) * known[:, :, None] * known[:, None, :]
            value, vector = torch.linalg.eigh(kernel)
            value, seen = value.clamp_min(0), torch.einsum("nij,ni->nj", vector, y)
            for noise in torch.logspace(-6, 1, NOISES).tolist():
                surprise = _surprise(value, seen, noise, known)
                if surprise < best:
                    best, kept = surprise, (length, vector, seen / (value + noise))
        assert kept is not None
        length, vector, weight = kept
        weights = torch.einsum("nij,nj->ni", vector, weight) * known
        return mean + torch.einsum("npi,ni->np", _covariance(times, self.t, length), weights)

    def _lengths(self) -> list[float]:
        """From a gap between measurements to the whole of the longest piece."""
        duration = self.t[:, -1] - self.t[:, 0]
        gap = (duration / (self.t.shape[1] - 1)).median()
        return torch.logspace(gap.log10().item(), duration.max().log10().item(), LENGTHS).tolist()


def integrals(
    times: Float[Tensor, "pieces points"],
    values: Float[Tensor, "pieces points terms"],
    at: Float[Tensor, "pieces rows"],
) -> Float[Tensor, "pieces rows terms"]:
    """Of each value from the first point to `at`, by the trapezoidal rule and linear between points."""
    step = times.diff(dim=1)[..., None]
    whole = ((values[:, 1:] + values[:, :-1]) / 2 * step).cumsum(dim=1)
    whole = torch.cat([torch.zeros_like(values[:, :1]), whole], dim=1)
    after = torch.searchsorted(times.contiguous(), at.contiguous()).clamp(1, times.shape[1] - 1)
    first, last = (times.gather(1, each) for each in (after - 1, after))
    share = ((at - first) / (last - first).clamp_min(1e-300))[..., None]
    before, behind = (whole.gather(1, each[..., None].expand(-1, -1, whole.shape[2])) for each in (after - 1, after))
    return torch.lerp(before, behind, share)


def _covariance(a: Tensor, b: Tensor, length: float) -> Tensor:
    return torch.exp(-0.5 * ((a[:, :, None] - b[:, None, :]) / length).square())


def _surprise(value: Tensor, seen: Tensor, noise: float, known: Tensor) -> float:
    """Minus twice the log marginal likelihood over all courses, with the best s^2, up to a constant.

    A row that was not observed has an eigenvalue of 0 and nothing seen: log(noise) of each is taken off.
    """
    count, absent = known.sum(), (1 - known).sum()
    square = (seen.square() / (value + noise)).sum() / count
    depth = (value + noise).log().sum() - absent * torch.log(torch.tensor(noise, dtype=value.dtype))
    return float(count * square.clamp_min(1e-300).log() + depth)
