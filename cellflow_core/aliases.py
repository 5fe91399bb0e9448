"""Names of earlier versions, and what they are called now: the one table through which stored recipes are read.

Runs and data sets are never rewritten. A recipe that was stored with an old name of a model, a setting, a choice or a
weight is read with today's, whatever version wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

MODELS: Mapping[str, str] = {"mccann": "ot-displacement"}
"""Old name of a model -> its name."""

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "action-matching": {"estimator": "objective", "length": "wfr_length", "price": "growth_penalty"},
    "cfgen": {"left_out": "label_dropout"},
    "cytobridge": {"reach": "cutoff", "stiffness": "smoothness", "price": "rho"},
    "dsbm": {"rounds": "n_imf_iterations"},
    "genot": {"second": "structure", "weight": "alpha"},
    "metric-fm": {"price": "rho", "sides": "relax"},
    "mioflow": {"through": "global_fraction"},
    "mmfm": {"price": "rho"},
    "nlsb": {"crowd": "density_weight"},
    "ot-cfm": {"share": "transported_mass"},
    "prescient": {"pull": "entropy_weight"},
    "tigon": {"exact": "max_exact_divergence_dim"},
    "trajectorynet": {"blur": "input_noise", "exact": "max_exact_divergence_dim"},
    "transport-spline": {"price": "rho"},
    "uot-cfm": {"price": "rho", "sides": "relax"},
    "wlf": {"price": "growth_penalty"},
}
"""Model -> old name of a setting -> its name."""

CHOICES: Mapping[str, Mapping[str, str]] = {
    "coupling": {"full": "exact", "parts": "blockwise", "product": "independent"},
    "relax": {"earlier": "source"},
    "structure": {"modality": "second_modality"},
}
"""Setting of a model, by its present name -> old name of a choice -> its name."""

EARLIER: Mapping[str, Mapping[str, Any]] = {
    "lnode": {"harmonics": 0},
    "metric-fm": {"metric_cells": "all"},
    "population-pk": {"response": "level"},
}
"""Model -> setting that it was given later -> what it did before: of stored recipes, which hold every setting."""

TRAINING: Mapping[str, str] = {
    "average": "ema_decay",
    "batch": "batch_size",
    "clip": "max_grad_norm",
    "report_every": "log_every",
    "validation": "validation_fraction",
}
"""Old name of a setting of the trainer -> its name."""

SIMULATORS: Mapping[str, Mapping[str, str]] = {
    "": {"frames": "n_times"},
    "birth-death": {"extra": "noise_dims", "spread": "within_state_sd", "travel": "drift_velocity"},
    "branching-tree": {"ends": "n_fates", "extra": "noise_dims", "levels": "n_branchings", "width": "branch_sd"},
    "cell-cycle": {"extra": "noise_dims", "leaving": "exit_rate", "turn": "period"},
    "double-well": {"rate": "relaxation_rate"},
    "gaussian-bridge": {
        "end": "final_mean",
        "end_spread": "final_sd",
        "start": "initial_mean",
        "start_spread": "initial_sd",
        "stretch": "anisotropy",
        "turn": "rotation_angle",
    },
    "gene-circuit": {"division": "division_rate"},
    "interacting-particles": {
        "apart": "initial_distance",
        "closeness": "repulsion_range",
        "start_spread": "initial_sd",
        "travel": "drift_velocity",
    },
    "krumsiek": {"gata2_start": "initial_gata2", "pu1_start": "initial_pu1"},
    "ornstein-uhlenbeck": {
        "mean": "stationary_mean",
        "rate": "relaxation_rate",
        "start": "initial_mean",
        "start_spread": "initial_sd",
        "stretch": "anisotropy",
        "turn": "rotation_rate",
    },
    "pkpd": {
        "doses": "n_doses",
        "error": "residual_error",
        "every": "dosing_interval",
        "groups": "n_groups",
        "variety": "between_subject_sd",
    },
    "repressilator": {"mrna_life": "mrna_lifetime", "protein_life": "protein_lifetime", "together": "synchrony"},
    "splicing": {
        "capture": "capture_rate",
        "degradation": "degradation_rate",
        "error": "measurement_error_sd",
        "splicing": "splicing_rate",
        "spread": "latent_time_sd",
        "transcription": "transcription_rate",
        "variety": "rate_heterogeneity",
    },
    "toggle": {"growth_gap": "growth_difference"},
}
"""Simulator ("" for all) -> old name of a setting -> its name."""

EFFECTS: Mapping[str, str] = {"late": "indirect", "at once": "direct"}
"""Old name of a kind of response of the PK/PD simulator -> its name."""

STEPS: Mapping[str, Mapping[str, str]] = {"growth": {"numbers_count": "use_cell_counts_as_mass"}}
"""Step of processing -> old name of a setting -> its name."""

WEIGHTS: Mapping[str, Mapping[str, str]] = {
    "": {"solver.calls": "solver.n_evaluations"},
    "cytobridge": {
        "explained": "explained_variance",
        "force.strength": "force.coefficients",
        "price.chosen": "growth_penalty.chosen",
    },
    "jkonet-star": {"crowd": "population", "pull": "interaction_weights"},
    "metric-fm": {"price.chosen": "growth_penalty.chosen"},
    "mmfm": {"price.chosen": "growth_penalty.chosen"},
    "nlsb": {"towards": "velocity_prior", "wander": "log_sigma"},
    "prescient": {"weighed": "uses_growth"},
    "tigon": {"narrow": "bandwidth"},
    "transport-spline": {"price.chosen": "growth_penalty.chosen"},
    "uot-cfm": {"price.chosen": "growth_penalty.chosen"},
    "wfr-fm": {"reach": "length_scale"},
}
"""Model ("" for all) -> old beginning of a name in its state dict -> its beginning now."""

REQUIREMENTS: Mapping[str, str] = {"a way from the state back to genes": "a map from the state to genes"}
"""Old words of a requirement of the data -> its words."""

Value = TypeVar("Value")


def renamed(values: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    """`values` under today's names; where an old and its new name are both there, the new one holds."""
    found = {names.get(key, key): value for key, value in values.items() if key in names}
    return found | {key: value for key, value in values.items() if key not in names}


def model(name: str) -> str:
    """Today's name of a model."""
    return MODELS.get(name, name)


def settings(model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a model, by its present name, as they were stored, under today's names."""
    found = renamed(values, SETTINGS.get(model, {}))
    return {
        key: CHOICES.get(key, {}).get(value, value) if isinstance(value, str) else value for key, value in found.items()
    }


def recipe_settings(model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a stored recipe under today's names, with those that its version did not have yet."""
    found = settings(model, values)
    return {**EARLIER.get(model, {}), **found} if found else found


def training(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the trainer as they were stored, under today's names."""
    return renamed(values, TRAINING)


def simulator(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a simulator as they were stored, under today's names."""
    found = renamed(values, {**SIMULATORS[""], **SIMULATORS.get(name, {})})
    return {key: EFFECTS.get(value, value) if key == "effect" else value for key, value in found.items()}


def requirement(words: str) -> str:
    """Today's words of a requirement that stored data meet."""
    return REQUIREMENTS.get(words, words)


def step(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a step of processing as they were stored, under today's names."""
    return renamed(values, STEPS.get(name, {}))


def weights(model: str, state: Mapping[str, Value]) -> dict[str, Value]:
    """A state dict of a model, by its present name, as it was stored, under today's names."""
    names = {**WEIGHTS[""], **WEIGHTS.get(model, {})}
    return {_moved(key, names): value for key, value in state.items()}


def _moved(key: str, names: Mapping[str, str]) -> str:
    old = next((each for each in names if key == each or key.startswith(f"{each}.")), None)
    return key if old is None else names[old] + key[len(old) :]
