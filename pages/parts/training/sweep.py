"""A sweep: several models, settings and seeds as one action, and their table while it fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cellflow_core.config import Setting
from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool, supervisor
from cellflow_core.plural import counted
from cellflow_core.reporting import progress
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.selection import sweep
from cellflow_core.time_units import format_duration
from pages.parts.server import urls
from pages.parts.widgets import chart, progress_bar
from pages.parts.widgets.background import catalogue, result_of
from pages.parts.widgets.form import field, refusals
from pages.parts.widgets.view_links import links_to

SEEDS = Setting("seeds", "int", 1, "trainings with other initial weights", 1, 10, label="Seeds of each")


def start(info: DatasetInfo, model: str, after: float | None = None) -> None:
    """The choices of a sweep, folded away, and the button that hands in all of its runs.

    after  time after which what was measured of individuals is held out of all of them
    """
    cards = catalogue()
    with st.expander("Several models and settings at once", icon=":material/grid_on:", key="sweep"):
        models = st.multiselect("Models", list(cards), [model], format_func=lambda each: cards[each].title)
        chosen = [cards[name] for name in models]
        settings = {each.name: each for card in chosen for each in (*card.settings, *card.training_settings)}
        varied = st.multiselect(
            "Settings to vary", list(settings), format_func=lambda each: settings[each].label, key="sweep_settings"
        )
        values = {name: _values(settings[name]) for name in varied}
        seeds = field(SEEDS, SEEDS.default, "sweep_seeds", st)
        if refusals([SEEDS], {"seeds": seeds}):
            return
        if not models:
            st.info("Choose at least one model.", icon=":material/info:")
        runs = sum(_combinations(card, values) for card in chosen) * seeds
        if after is not None:
            st.caption(f"Held out of each: what was measured after {format_duration(after, plain(info.time_unit))}.")
        words = f"Start {counted(runs, 'run')}"
        if not st.button(words, key="sweep_start", icon=":material/play_arrow:", disabled=not runs):
            return
        preset, device = (st.session_state.get(f"train_{name}") for name in ("preset", "device"))
        asked = (info.id, tuple(models), preset or "standard", values, tuple(range(seeds)))
        more = {"hold_out_after": after, "device": device or "auto"}
        made = analysis_pool.call("cellflow_core.jobs.recipes:sweep", *asked, **more)
        request = result_of(made, "Checking data and settings")
        for name, why in request.refused.items():
            st.toast(plain(f"{cards[name].title} is left out: {why}"), icon=":material/info:")
        if request.recipes:
            index.submit_all(request.recipes)
            supervisor.ensure_supervisor()
            st.query_params["group"] = request.recipes[0].group
            st.rerun()


def _values(setting: Setting) -> tuple[Any, ...]:
    """The different values of one setting; none where there are none or they cannot be read, which is said."""
    key = f"sweep_{setting.name}"
    if setting.kind in ("choice", "bool"):
        options = setting.choices or (False, True)
        found = tuple(st.multiselect(setting.label, options, options, key=key))
    else:
        help = f"{setting.help}. Commas between values."
        text = st.text_input(setting.label, f"{setting.default}", key=key, help=help)
        try:
            numbers = (setting.check(_number(each)) for each in text.split(",") if each.strip())
            found = tuple(dict.fromkeys(numbers))
        except ValueError as error:
            st.error(plain(as_sentence(str(error))))
            return ()
    if not found:
        st.error(f"{plain(setting.label)} has no value: give at least one, or do not vary it.")
    return found


def _number(text: str) -> int | float | str:
    """A number, or the text where it is none, which the check of the setting refuses."""
    try:
        number = float(text)
    except ValueError:
        return text.strip()
    return int(number) if number.is_integer() else number


def _combinations(card: Any, values: Mapping[str, Sequence[Any]]) -> int:
    own = {each.name for each in (*card.settings, *card.training_settings)}
    found = 1
    for name, each in values.items():
        found *= len(each) if name in own else 1
    return found


def _cancel(runs: Sequence[Run]) -> None:
    for run in runs:
        run.cancel()


def show(runs: Sequence[Run]) -> None:
    """The table of a sweep, drawn anew whenever a run has ended, and the button that cancels what is open."""
    cards = catalogue()

    @st.fragment
    def live() -> None:
        version = progress.comparison_version(runs)  # before the rows: what changes meanwhile is seen afterwards
        rows = sweep.candidates(runs, cards)
        open_ = [run for run in runs if not run.status().ended]
        if open_:
            supervisor.ensure_supervisor()
            url = urls.comparison_progress(run.id for run in runs)
            progress_bar.watch(url, key="sweep_progress", label="Sweep", version=version)
            st.button(
                f"Cancel {counted(len(open_), 'run')}",
                key="sweep_cancel",
                icon=":material/stop_circle:",
                on_click=_cancel,
                args=(open_,),
            )
        shown = sweep.table(rows, {name: card.title for name, card in cards.items()})
        chart.listed(shown, f"sweep-{runs[0].recipe.dataset}", "sweep")
        for each in rows:
            if each.best:
                st.markdown(f"**{plain(cards[each.model].title)}**: {plain(each.variant or 'default settings')}")
                links_to(each.runs[0])
        st.caption(sweep.NOTE)

    live()
