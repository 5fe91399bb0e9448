"""Concentration of a drug in one or two compartments, in closed form: doses add up.

Gibaldi & Perrier 1982, "Pharmacokinetics", chapters 1 and 2. After one unit at once into the central compartment

    C(s) = sum_j c_j exp(-l_j s),    one: l = CL / V, c = 1 / V;    two: l_1 > l_2 the rates alpha and beta.

Swallowed, it is absorbed at the rate ka, and infused for a time T at a constant rate:

    sum_j c_j ka / (ka - l_j) (exp(-l_j s) - exp(-ka s)),      sum_j c_j / (l_j T) (exp(-l_j (s - T)+) - exp(-l_j s)).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cellflow_core.data.trajectory_batch import DoseTensors

ONE, TWO = ("CL", "V", "ka"), ("CL", "V", "ka", "Q", "V2")
"""Parameters by number of compartments, in the order in which `concentration` takes them."""
SCALING = {"CL": 0.75, "Q": 0.75, "V": 1.0, "V2": 1.0}
"""Allometric exponents of body weight (Holford 1996, Clin. Pharmacokinet. 30:329); 0 of other parameters."""
USUAL_WEIGHT = 70.0  # kg
LARGEST = 60.0
"""Of an exponent: draws far off the posterior may have no finite curve."""


def concentration(
    log_parameters: Float[Tensor, "*draws batch parameters"],
    times: Float[Tensor, "batch rows"],
    doses: DoseTensors,
    swallowed: bool,
    lag: Float[Tensor, "*draws batch"] | None = None,
    shape: Float[Tensor, "*draws batch"] | None = None,
    wanted: Bool[Tensor, "batch rows"] | None = None,
) -> Float[Tensor, "*draws batch rows"]:
    """Concentration (dose / volume) at the times; 0 up to the first dose, and that before a dose at its time.

    log_parameters  logarithms of CL (volume / time), V (volume), ka (1 / time) and, for two compartments, Q and V2
    swallowed       whether doses that are given at once have to be absorbed first
    lag             between a dose that is swallowed and its absorption (time); None: none
    shape           of the gamma distribution of absorption times, whose rate is then ka above the fastest l_j; None:
                    they are exponential, of rate ka
    wanted          rows that are asked for, the others are 0; None: all
    Only pairs of a row and an earlier dose are computed, however unlike the numbers of doses are.
    """
    earlier = (times[:, :, None] > doses.time[:, None]) & (doses.amount != 0)[:, None]
    person, row, dose = (earlier if wanted is None else earlier & wanted[..., None]).nonzero(as_tuple=True)
    since = times[person, row] - doses.time[person, dose]
    rates, parts = modes(log_parameters)
    ka = log_parameters[..., 2].exp()[..., person]
    long = doses.duration[person, dose]
    if lag is not None:
        since = torch.where(long > 0, since, (since - lag[..., person]).clamp(min=0))
    total = torch.zeros((), device=times.device)
    for rate, part in zip(rates, parts, strict=True):
        fall, c = rate[..., person], part[..., person]
        if not swallowed:
            answer = (-fall * since).exp() * (since > 0)
        elif shape is None:
            answer = _absorbed(fall, ka, since)
        else:
            answer = _in_transit(fall, ka + rates[0][..., person], shape[..., person], since)
        if (long > 0).any():
            late = (since - long).clamp(min=0)
            infused = (-fall * late).exp() * -torch.expm1(-fall * (since - late))
            answer = torch.where(long > 0, infused / (fall * torch.where(long > 0, long, 1)), answer)
        total = total + c * answer
    found = torch.zeros(*log_parameters.shape[:-2], times.numel(), device=times.device)
    found = found.index_add(-1, person * times.shape[1] + row, total * doses.amount[person, dose])
    return found.unflatten(-1, times.shape)


def _absorbed(fall: Tensor, ka: Tensor, since: Tensor) -> Tensor:
    """ka / (ka - fall) (exp(-fall s) - exp(-ka s)), also where the two rates are alike."""
    gap = ka - fall
    gap = torch.where(gap.abs() < 1e-4 * ka, 1e-4 * ka, gap)
    slow, fast = torch.minimum(ka - gap, ka), gap.abs()
    return ka * (-slow * since).exp() * -torch.expm1(-fast * since) / fast


def _in_transit(fall: Tensor, ka: Tensor, shape: Tensor, since: Tensor) -> Tensor:
    """(ka / (ka - fall))^shape exp(-fall s) P(shape, (ka - fall) s), P the regularised lower incomplete gamma function,
    for ka above fall."""
    gap = ka - fall
    inside = _Gamma.apply(shape.expand_as(gap), gap * since.clamp(min=0))
    return (shape * (ka / gap).log() - fall * since).clamp(max=LARGEST).exp() * inside


class _Gamma(torch.autograd.Function):
    """P(shape, x), with a derivative for the shape, by central differences."""

    STEP = 1e-2

    @staticmethod
    def forward(ctx: Any, shape: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(shape, x)
        return torch.special.gammainc(shape, x)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor]:
        shape, x = ctx.saved_tensors
        h = _Gamma.STEP * shape
        slope = (torch.special.gammainc(shape + h, x) - torch.special.gammainc(shape - h, x)) / (2 * h)
        safe = x.clamp(min=1e-12)
        density = ((shape - 1) * safe.log() - safe - torch.lgamma(shape)).exp() * (x > 0)
        return outer[0] * slope, outer[0] * density


def allometric(names: Sequence[str], weight: Float[Tensor, " batch"]) -> Float[Tensor, "batch parameters"]:
    """What body weight (kg; NaN: unknown) adds to the logarithms of these parameters."""
    known = weight.nan_to_num(USUAL_WEIGHT).clamp(min=1e-3) / USUAL_WEIGHT
    return known.log()[:, None] * torch.tensor([SCALING.get(each, 0.0) for each in names], device=weight.device)


def modes(log_parameters: Float[Tensor, "*batch parameters"]) -> tuple[list[Tensor], list[Tensor]]:
    """(rates l_j, coefficients c_j) of the answer to one unit at once, one or two of them."""
    clearance, volume = log_parameters[..., 0].exp(), log_parameters[..., 1].exp()
    if log_parameters.shape[-1] == len(ONE):
        return [clearance / volume], [1 / volume]
    exchange, second = log_parameters[..., 3].exp(), log_parameters[..., 4].exp()
    k10, k12, k21 = clearance / volume, exchange / volume, exchange / second
    total = k10 + k12 + k21
    root = (total.square() - 4 * k10 * k21).clamp(min=1e-12 * total.detach().square()).sqrt()
    alpha = (total + root) / 2
    beta = k10 * k21 / alpha
    return [alpha, beta], [(alpha - k21) / (volume * root), (k21 - beta) / (volume * root)]


def first_guess(
    t: Float[Tensor, "batch rows"],
    level: Float[Tensor, "batch rows"],
    observed: Bool[Tensor, "batch rows"],
    doses: DoseTensors,
    route: Literal["auto", "oral", "intravenous"],
) -> tuple[Float[Tensor, " 3"], bool]:
    """(log CL, V and ka, whether doses are absorbed first) of one compartment for all individuals as one: the best of a
    grid of rates by the mean absolute error of log concentrations above a twentieth of the largest."""
    span = float((t.amax(dim=1) - t.amin(dim=1)).median().clamp(min=1e-6))
    elimination = torch.logspace(-1, 2, 31) / span
    absorption = torch.logspace(-0.5, 2.5, 13)  # in rates of elimination
    ke, ratio = (each.flatten() for each in torch.meshgrid(elimination, absorption, indexing="ij"))
    rates = torch.stack([ke.log(), torch.zeros_like(ke), (ke * ratio).log()], dim=1).to(t.device)
    seen = observed & (level > 0.05 * torch.where(observed, level, 0).amax()) & (level > 0)

    def tried(swallowed: bool) -> tuple[float, Tensor]:
        shape = concentration(rates[:, None].expand(-1, len(t), -1), t, doses, swallowed, wanted=seen)
        ratio = torch.where(seen & (shape > 0), shape.clamp(min=1e-30).log() - level.clamp(min=1e-30).log(), torch.nan)
        volume = ratio.flatten(1).nanmedian(dim=1).values
        error = (ratio - volume[:, None, None]).abs().clamp(max=2).nan_to_num(2.0)
        best = int((error * seen).sum(dim=(1, 2)).argmin())
        found = torch.stack([rates[best, 0] + volume[best], volume[best], rates[best, 2]])
        return float((error[best] * seen).sum()), found.nan_to_num(0.0)

    oral, blood = tried(True), tried(False)
    infused = bool((doses.duration > 0).any())
    swallowed = route == "oral" or (route == "auto" and not infused and oral[0] < blood[0])
    return (oral if swallowed else blood)[1], swallowed
