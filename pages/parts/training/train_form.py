"""The choices before training: preset, settings, seeds and a time to leave out."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cellflow_core.config import Setting, differences, titled, variant
from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.formatting import as_sentence, plain, short
from cellflow_core.time_units import format_duration, format_time
from pages.parts.training import calibrated_bands, later_part
from pages.parts.widgets import progress_bar
from pages.parts.widgets.background import cached_future
from pages.parts.widgets.form import form_of, refusals

PRESETS = {"quick": "Quick look", "standard": "Standard", "careful": "Careful"}
MOST_SEEDS = 10
_HOW = (
    Setting(
        "seeds",
        "int",
        1,
        "each seed gives other initial weights. Where the seeds agree, the result does not depend on them",
        1,
        MOST_SEEDS,
        label="Number of seeds",
    ),
    Setting(
        "device",
        "choice",
        "auto",
        "what was really used is shown with the run",
        choices=("auto", "cpu", "cuda"),
        choice_labels={
            "auto": "the fastest there is",
            "cpu": "the processor (CPU)",
            "cuda": "the graphics card (GPU)",
        },
    ),
)


@dataclass(frozen=True)
class TrainRequest:
    """What the form asks for; the arguments of `jobs.recipes.recipes`."""

    model: str
    preset: str
    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    seeds: tuple[int, ...]
    hold_out: float | None
    device: str
    label: str
    hold_out_after: float | None = None
    beside: tuple[str, ...] = ()
    band_folds: int = 0

    @property
    def runs(self) -> int:
        return len(self.seeds) + (self.hold_out is not None) + len(self.beside)


def choose_rest(info: DatasetInfo, card: Any, proposed: Mapping[str, Any]) -> TrainRequest | None:
    """Preset, settings, seeds, label and hold-out; None, and why, where a value is not allowed.

    proposed  settings that give what was asked for
    """
    st.header("2. How carefully?")
    usual_settings = {each.name: each.default for each in card.settings} | dict(proposed)
    seconds = _expected(card, info, proposed, card.presets["standard"])
    followed = "courses" in card.capabilities
    runs = _runs_chosen(info, followed)
    preset = st.pills(
        "Preset",
        list(PRESETS),
        default="standard",
        required=True,
        key="train_preset",
        persist_state="session",
        format_func=lambda each: PRESETS[each] + _minutes(seconds, card, each, runs),
        label_visibility="collapsed",
    )
    preset = preset or "standard"
    if seconds is not None and runs > 1:
        each = short(seconds * _share(card, preset))
        st.caption(f"{runs} runs, one after the other, of {each} each.")
    if proposed:
        words = differences(card.settings, proposed)
        st.caption(f":material/tune: For what you asked, {plain(card.title)} is trained with other settings: {words}.")
    with st.expander("Hyperparameters", icon=":material/tune:", key="settings"):
        st.markdown(f"**{plain(card.title)}**" if card.settings else f"{plain(card.title)} has no settings of its own.")
        key = "-".join(f"{name}={value}" for name, value in proposed.items())
        settings = form_of(card.settings, proposed, f"set_{card.name}{key}")
        st.markdown("**Training**")
        training = form_of(card.training_settings, card.presets[preset], f"fit_{card.name}_{preset}")
        declared = (*card.settings, *card.training_settings)
        wrong = refusals(declared, settings | training)
        if not wrong and settings != usual_settings:
            wrong = _conflicts(card.name, settings)
            for each in wrong:
                st.error(each)
        if not wrong and (settings, training) != (usual_settings, dict(card.presets[preset])):
            changed = _expected(card, info, settings, training)
            if changed is not None:
                st.caption(f"With these settings: {short(changed)} each.")
    how = form_of(_HOW, {}, "train")
    held = None if followed else _hold_out(info)
    after, beside = later_part.choose(info, card.name) if followed else (None, ())
    folds = calibrated_bands.choose(info) if followed and after is None else 0
    usual = f"{titled(card.title, variant(card.settings, settings))}, {PRESETS[preset].lower()}"
    usual += "" if after is None else f", held out after {format_time(after)}"
    label = st.text_input("Name", usual, key=f"label_{usual}", max_chars=80, persist_state="session")
    label = label.strip() or usual
    for each in (wrong := [*wrong, *refusals(_HOW, how)]):
        st.caption(f":material/block: {each}")
    if wrong:
        return None
    seeds = tuple(range(how["seeds"]))
    chosen = (card.name, preset, settings, training, seeds, held, how["device"], label, after, beside, folds)
    return TrainRequest(*chosen)


def _hold_out(info: DatasetInfo) -> float | None:
    """The middle time that a second copy does not see, or None."""
    inner = info.times[1:-1]
    if not inner:
        return None
    wanted = st.toggle(
        "Test it on a time it never saw (one more run)",
        True,
        key="train_hold_out",
        persist_state="session",
        help="A second copy is trained without one middle time and has to guess its cells. How far off it is "
        "(see Time) tells how far to trust the times nobody measured.",
    )
    if not wanted:
        return None
    return st.selectbox(
        "Held-out time",
        inner,
        index=len(inner) // 2,
        key=f"hold_out_{info.id}",
        persist_state="session",
        format_func=lambda each: format_duration(each, info.time_unit),
    )


def _expected(card: Any, info: DatasetInfo, settings: Mapping[str, Any], training: Mapping[str, Any]) -> float | None:
    """Seconds of one training, measured once per server by a worker; None until it is known."""
    future: Future[float] = cached_future(
        f"estimate-{card.name}-{info.id}-{info.fingerprint}-{sorted(settings.items())}-{sorted(training.items())}",
        lambda: analysis_pool.submit_low_priority(
            "cellflow_core.selection.training_time:estimate", card.name, settings, training, info.id
        ),
    )
    if not future.done():
        progress_bar.wait_for(future, key=f"estimate_{id(future)}")
        return None
    if future.exception() is not None:
        st.caption("How long training takes could not be measured beforehand.")
        return None
    return future.result()


def _conflicts(name: str, settings: Mapping[str, Any]) -> list[str]:
    """A sentence where settings that are allowed one by one cannot be had together; none until a worker has answered,
    which loads the models."""
    future: Future[str] = cached_future(
        f"conflict-{name}-{sorted(settings.items())}",
        lambda: analysis_pool.call("cellflow_core.selection.model_cards:conflict", name, settings),
    )
    if not future.done():
        progress_bar.wait_for(future, key=f"conflict_{id(future)}")
        return []
    return [plain(as_sentence(future.result()))] if future.result() else []


def _runs_chosen(info: DatasetInfo, followed: bool) -> int:
    """Runs of this model that the choices below ask for: each seed, and one without a time where it is one of cells."""
    held_out = not followed and len(info.times) > 2 and st.session_state.get("train_hold_out", True)
    seeds = min(max(1, int(st.session_state.get("train_seeds", 1))), MOST_SEEDS)
    return seeds + bool(held_out)


def _minutes(seconds: float | None, card: Any, preset: str, runs: int) -> str:
    """How long all runs take with this preset, one after the other."""
    return "" if seconds is None else f" · {short(seconds * _share(card, preset) * runs)}"


def _share(card: Any, preset: str) -> float:
    """Steps of a preset as a share of the standard one."""
    return card.presets[preset].get("steps", 1) / max(card.presets["standard"].get("steps", 1), 1)
