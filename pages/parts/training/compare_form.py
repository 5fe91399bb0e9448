"""What is compared: models, times left out, seeds. Everything is in the link, so that a table can be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cellflow_core.config import Setting
from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool, supervisor
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import duration, plain
from cellflow_core.selection import comparison as jobs
from cellflow_core.selection import recommendation
from cellflow_core.selection.benchmark_results import evidence, measured_here
from cellflow_core.time_units import format_times, of_one, pluralize
from pages.parts.training.train_form import PRESETS
from pages.parts.widgets.background import cached_future, result_of
from pages.parts.widgets.form import field, refusals

FIRST = 4
"""Models that are proposed, beside the one that learns nothing."""
STRAIGHT = "ot-displacement"
MODELS = "Proposed are those that the guide ranks first for these data, and straight lines, which learn nothing."
TIMES = "A held-out time must lie between two others."
SEEDS = Setting("seeds", "int", 3, "three or more show how much of an order is chance", 1, 10)


def choose(info: DatasetInfo, cards: Mapping[str, Any]) -> Any:
    """The runs that are wanted, as `jobs.recipes.comparison` makes them; starts what is missing when asked to."""
    measured = (*evidence(), *measured_here(info, cards))
    ranked = recommendation.rank(info, cards.values(), recommendation.ModelGoals(), measured)
    able = [each.model for each in ranked if each.trainable]
    proposed = able[:FIRST] + [each for each in able[FIRST:] if each == STRAIGHT]
    held_out = dict(zip(format_times(info.times), info.times, strict=True))
    shown = {
        name: f"{name} {of_one(info.time_unit) if name == '1' else pluralize(info.time_unit)}" for name in held_out
    }
    inner = list(shown)[1:-1]
    models = _several(
        "models", "Models", able, proposed, st, {name: card.title for name, card in cards.items()}, MODELS
    )
    left, middle, right = st.columns(3)
    times = _several("times", "Held-out times", inner, inner, left, shown, TIMES)
    preset = middle.segmented_control(
        "Preset",
        list(PRESETS),
        default=_linked("preset", PRESETS, "standard"),
        required=True,
        key="compare_preset",
        format_func=lambda each: PRESETS[each],
    )
    linked = st.query_params.get("seeds", "")
    many = int(linked) if linked.isdigit() and not refusals([SEEDS], {"seeds": int(linked)}) else SEEDS.default
    seeds = field(SEEDS, many, "compare_seeds", right)
    if refusals([SEEDS], {"seeds": seeds}):
        st.stop()
    st.query_params.update({"preset": preset or "standard", "seeds": str(seeds)})
    if not models or not times:
        st.info("Choose at least one model and one time to leave out.", icon=":material/info:")
        st.stop()
    asked = (
        info.id,
        tuple(models),
        preset or "standard",
        tuple(range(seeds)),
        tuple(held_out[each] for each in times),
    )
    future = cached_future(
        f"compare-{info.fingerprint}-{asked}",
        lambda: analysis_pool.call("cellflow_core.jobs.recipes:comparison", *asked),
    )
    request = result_of(future, "Checking data and settings")
    for model, why in request.refused.items():
        st.warning(f"{plain(cards[model].title)} is left out: {plain(why)}", icon=":material/info:")
    _start(request, cards)
    return request


def _several(
    name: str, label: str, options: Sequence[str], usual: Sequence[str], where: Any, words: Mapping[str, str], help: str
) -> list[str]:
    """Some of the options, kept in the link as `?name=a,b`; what is not among them there is left out."""
    asked = [each for each in st.query_params.get(name, "").split(",") if each in options]
    key = f"compare_{name}_{'-'.join(options)}"
    chosen = where.multiselect(label, options, asked or usual, key=key, format_func=lambda each: words[each], help=help)
    st.query_params[name] = ",".join(chosen)
    return chosen


def _linked(name: str, options: Mapping[str, str], usual: str) -> str:
    """What the link says, where it is one of the options."""
    linked = st.query_params.get(name, usual)
    return linked if linked in options else usual


def _start(request: Any, cards: Mapping[str, Any]) -> None:
    """The button that trains what is not there yet."""
    there = zip(request.recipes, jobs.matching_runs(request), strict=True)
    lacking = [recipe for recipe, run in there if run is None or run.status().state in ("failed", "cancelled")]
    missing = len(lacking)
    if not missing:
        return
    words = f"Train {counted(missing, 'run')}"
    if missing < len(request.recipes):
        words += f" (of {len(request.recipes)}; the others are there)"
    if st.button(words, key="compare_start", type="primary", icon=":material/play_arrow:"):
        jobs.submit(request)
        supervisor.ensure_supervisor()
        st.toast("Training goes on if you leave or close this page.", icon=":material/check:")
        st.rerun()
    seconds = {each.model: each.seconds for each in evidence() if not each.settings}
    known = [seconds[each.model] * _share(each, cards) for each in lacking if each.model in seconds]
    if known:
        rest = "" if len(known) == missing else f" for {len(known)} of them; the others have not been measured"
        st.caption(f"About {duration(sum(known))} one after the other on the machine of our benchmark{rest}.")


def _share(recipe: Any, cards: Mapping[str, Any]) -> float:
    """Steps of this training, as a share of the standard preset that the benchmark ran."""
    return recipe.training["steps"] / cards[recipe.model].presets["standard"]["steps"]
