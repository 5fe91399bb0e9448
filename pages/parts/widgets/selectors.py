"""Choosing a data set or a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, NoReturn

import streamlit as st

from cellflow_core.data import requirements, store
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import groups, index
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_time
from pages.parts.widgets import side, state
from pages.parts.widgets.background import catalogue

WORDS: Mapping[str, str] = {
    "velocity": "the mean motion of cells",
    "drift": "a stochastic equation",
    "noise": "random motion of cells",
    "score": "the density of cells",
    "growth": "division and death",
    "interaction": "what cells do to each other",
    "potential": "a landscape of its own",
    "coupling": "pairs of early and late cells",
    "sampler": "a sampler of later cells",
    "transitions": "transition probabilities between cells",
    "latent_time": "an order of the cells",
    "lineages": "a tree of branches",
    "network": "which gene acts on which",
    "kinetics": "rates of transcription, splicing and degradation",
    "equations": "equations that can be written down",
    "velocity_uncertainty": "how sure the velocity is",
    "permutation_scores": "whether the fit of a gene depends on its cells",
    "courses": "the course of individuals under their doses",
    "individual_parameters": "the parameters behind what was measured of an individual",
}
"""What a capability means to a person."""


MOST_LISTED = 50
"""Runs that one box lists."""
VIEWS: Mapping[str, tuple[str, str]] = {
    "landscape.py": ("Landscape", ":material/landscape:"),
    "flow.py": ("Flow", ":material/air:"),
    "velocity.py": ("Velocity", ":material/trending_up:"),
    "time.py": ("Time", ":material/schedule:"),
    "fates.py": ("Fates", ":material/call_split:"),
    "genes.py": ("Genes", ":material/genetics:"),
    "perturb.py": ("Perturb", ":material/science:"),
    "courses.py": ("Courses", ":material/medication:"),
}
"""The views of a trained model: page -> name and icon."""
MOST_NAMED = 6
"""Models that are named as able to show a view."""


def choose(
    name: str,
    label: str,
    options: Mapping[str, str],
    default: str | None,
    where: Any = st,
    created: Mapping[str, str] = MappingProxyType({}),
    **look: Any,
) -> str | None:
    """A select box over ids (id -> text shown) of what `state` holds under `name`; where it holds nothing, `default`.

    An id that is not among the options is said. None: nothing is chosen.

    where    the place of the box
    created  as in `disambiguate`
    """
    options = disambiguate(options, created)
    wanted = state.value(name)
    if wanted is not None and wanted not in options:
        st.warning(f"The link asks for {name} “{plain(wanted)}”, which is not here (any more).")
    chosen = wanted if wanted in options else default
    key = side.key(f"pick_{name}")
    st.session_state[key] = chosen
    where.selectbox(
        label,
        list(options),
        index=None if chosen is None else 0,
        key=key,
        format_func=lambda each: options.get(each, each),
        on_change=side.here(lambda: state.choose(name, st.session_state[key])),
        placeholder="Choose one",
        **look,
    )
    if chosen is not None:
        state.choose(name, chosen)
    return chosen


def disambiguate(options: Mapping[str, str], created: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, str]:
    """The same ids with no text twice: a select box finds what was chosen by its text, and would take a twin for it.

    created: id -> when it was made (ISO), which tells twins apart; those made in one minute are numbered.
    """
    count = Counter(options.values())
    dated = {id: f"{words}{_made(created.get(id))}" if count[words] > 1 else words for id, words in options.items()}
    seen: Counter[str] = Counter()
    found = {}
    for id, words in dated.items():
        seen[words] += 1
        found[id] = words if seen[words] == 1 else f"{words} ({seen[words]})"
    return found


def _made(created: str | None) -> str:
    """ " · 30 Nov 14:05 UTC"; "" where it is not known."""
    return f" · {datetime.fromisoformat(created):%-d %b %H:%M} UTC" if created else ""


def pick_dataset(label: str = "Data set") -> store.DatasetInfo:
    """The data set this page is about. Where there is none, says what to do and ends the page."""
    found = {each.id: each for each in store.datasets()}
    if not found:
        empty_state(
            "There are no data yet",
            "Open the demo or bring your own file.",
            {"home.py": "Explore the demo", "data.py": "Add data"},
        )
    words = {each.id: dataset_words(each) for each in found.values()}
    return found[choose("dataset", label, words, next(iter(found))) or ""]


def pick_run(
    label: str = "Trained model", capability: str | tuple[str, ...] = (), follow: bool = False, where: Any = st
) -> Run:
    """The finished run this page looks at, from `state`. Where none is chosen, of the data set looked at last: models
    that can show what the page shows first; of those the newest. Copies without a held-out time are no models of their
    own where there is one on all times.

    A run that is gone is never replaced by one of another data set.

    capability  names from models.contract.CAPABILITIES of which the model must have at least one; where it has none,
                the page says which models would do, and ends.
    follow      the model must also tell what becomes of a cell
    where       place of the box
    """
    cards = catalogue()
    wanted = (capability,) if isinstance(capability, str) else capability
    asked = state.value("run")
    done = _trained_models(index.runs(), asked)

    @cache
    def able_to_show(model: str, settings: tuple[tuple[str, Any], ...]) -> bool:
        card = cards[model]
        return (card.tracks_cells or not follow) and (
            not wanted or bool(set(wanted) & card.capabilities_with(dict(settings)))
        )

    def shows(run: Run) -> bool:
        return able_to_show(run.recipe.model, tuple(run.recipe.settings.items()))

    if not done:
        empty_state(
            "No model is trained yet",
            "A view shows what a trained model has learnt. Train one first; the demo takes about a minute.",
            {"home.py": "Explore the demo", "train.py": "Train a model"},
        )
    names = {each.id: each.label for each in store.datasets()}
    data = state.value("dataset") if asked is None else state.dataset_of(asked)
    able = {run.id: run for run in sorted(done, key=lambda run: (not shows(run), run.recipe.hold_out is not None))}
    default = _default(able, data if data in names or asked is not None else None, asked)
    listed = _first(able, data, {asked, default})
    words, created = _run_choices(listed, names), {id: each.recipe.created for id, each in listed.items()}
    chosen = choose("run", label, words, default, where, created)
    if len(listed) < len(able):
        where.caption(f"{len(listed)} of {counted(len(able), 'trained model')}, of these data first.")
        where.page_link("runs.py", label="All trained models", icon=":material/list_alt:")
    if chosen is None:
        on = f"on {plain(names[data])} " if data in names else ""
        empty_state(
            f"No model {on}to show" if asked else f"No model is trained {on}yet",
            "Choose another trained model above, or train one.",
            {"train.py": "Train a model", "runs.py": "All trained models"},
        )
    run = able[chosen]
    if chosen != asked and asked is not None:
        st.caption(f"Shown instead is {plain(run_words(run, names))}, trained on the same data set.")
    if not shows(run):
        _cannot_show(run, wanted, follow, [run_words(each, names) for each in listed.values() if shows(each)])
    return run


def _trained_models(runs: Sequence[Run], asked: str | None) -> list[Run]:
    """The finished runs that are models of their own, newest first, and the one that is asked for."""
    cards = catalogue()
    finished = [run for run in runs if run.recipe.model in cards and run.status().state == "done"]
    whole = {run.recipe.dataset for run in finished if run.recipe.hold_out is None}
    copies = {run.id for run in finished if run.recipe.hold_out is not None and run.recipe.dataset in whole}
    others = groups.comparison_ids(runs) | copies
    return [run for run in finished if run.id not in others or run.id == asked] or finished


def _first(runs: Mapping[str, Run], dataset: str | None, kept: AbstractSet[str | None]) -> dict[str, Run]:
    """As many as a box may list, in their order: those that are kept, those of this data set, then the others."""
    if len(runs) <= MOST_LISTED:
        return dict(runs)
    ranked = sorted(runs, key=lambda id: (id not in kept, runs[id].recipe.dataset != dataset))
    chosen = set(ranked[:MOST_LISTED])
    return {id: run for id, run in runs.items() if id in chosen}


def _run_choices(runs: Mapping[str, Run], datasets: Mapping[str, str]) -> dict[str, str]:
    """Each run in as few words as tell it from the others: data set and seed only where they differ."""
    several = len({run.recipe.dataset for run in runs.values()}) > 1
    short = {id: run.label if not several else _labelled(run, datasets) for id, run in runs.items()}
    count = Counter(short.values())
    vague = {id for id, words in short.items() if count[words] > 1 or runs[id].recipe.hold_out is not None}
    return {id: " · ".join((words, *(run_facts(runs[id]) if id in vague else ()))) for id, words in short.items()}


def _labelled(run: Run, datasets: Mapping[str, str]) -> str:
    """Label and data set of a run."""
    where = datasets.get(run.recipe.dataset, "deleted data")
    return run.label if where in run.label else f"{run.label} · {where}"


def _default(done: Mapping[str, Run], dataset: str | None, asked: str | None) -> str | None:
    """The first of these runs; only of this data set where there is one, none where `asked` is of an unknown one."""
    if dataset is None and asked is not None:
        return None
    return next((run.id for run in done.values() if dataset in (None, run.recipe.dataset)), None)


def _cannot_show(run: Run, wanted: tuple[str, ...], follow: bool, others: Sequence[str]) -> NoReturn:
    """What this view needs, and which models have it."""
    cards = catalogue()
    card = cards[run.recipe.model]
    fits = [each for each in cards.values() if each.tracks_cells or not follow]
    able = [each.title for each in fits if set(wanted) & set(each.capabilities)]
    more = f", or {counted(len(able) - MOST_NAMED, 'other')}" if len(able) > MOST_NAMED else ""
    what = " or ".join(WORDS.get(each, each) for each in wanted)
    needs = what if card in fits else "a model that tells what becomes of a cell"
    empty_state(
        f"{card.title} cannot show this",
        f"{card.summary} This view needs {needs}. "
        + (f"Choose another trained model above, such as {plain(others[0])}, or train" if others else "Train")
        + f" one of these: {', '.join(able[:MOST_NAMED])}{more}.",
        ({"courses.py": "Courses"} if "courses" in card.capabilities else {}) | {"train.py": "Train another model"},
    )


def dataset_words(info: store.DatasetInfo) -> str:
    """A data set in one line; of individuals, the samples that were taken of them."""
    return f"{info.label} · {counted(info.cells, row_word(info))} at {times_words(info)}"


def row_word(info: store.DatasetInfo) -> str:
    """What was measured at one time: a cell, or a sample of an individual."""
    return requirements.row_word(info.has)


def times_words(info: store.DatasetInfo) -> str:
    """ "5 times", "one time", "no known time"."""
    return f"{len(info.times)} times" if len(info.times) > 1 else "one time" if info.times else "no known time"


def run_words(run: Run, datasets: Mapping[str, str]) -> str:
    """A run in one line: its label, on what, and what was left out."""
    return " · ".join((_labelled(run, datasets), *run_facts(run)))


def run_facts(run: Run) -> tuple[str, ...]:
    """Seed and what was left out, where the label does not say it."""
    out = () if run.recipe.hold_out is None else (f"without time {format_time(run.recipe.hold_out)}",)
    after = run.recipe.hold_out_after
    out += () if after is None else (f"held out after {format_time(after)}",)
    return tuple(each for each in (f"seed {run.recipe.seed}", *out) if each not in run.label)


def empty_state(title: str, text: str, links: Mapping[str, str]) -> NoReturn:
    """A friendly dead end: what is missing and where to get it. Ends the page."""
    with st.container(border=True, key=side.key("empty")):
        st.header(title)
        st.write(text)
        for page, words in links.items():
            st.page_link(page, label=words, icon=":material/arrow_forward:")
    side.stop()
