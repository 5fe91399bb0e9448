"""What is known of simulated cells: the truth that a model trained on them can be held against."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.courses.measurements import groups, measurements
from cellflow_core.data import store
from cellflow_core.data.simulators import contract, registry
from cellflow_core.data.simulators.transcription.splicing import LATENT
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.figures.courses import measurements as courses
from cellflow_core.figures.data import ground_truth, network
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.formatting import plain
from pages.parts.views import cell_selection
from pages.parts.widgets.background import cached_future, result_of, sentence
from pages.parts.widgets.chart import chart, dark

POINTS = 200  # moments of a course
MOMENTS = 9  # of a mass that takes a simulation each
LINES = 6  # drawn at first where there are many genes
PANELS = 4  # variables whose answers to a dose are drawn


def show(info: store.DatasetInfo) -> None:
    """Everything the simulator of these cells knows, one question at a time; nothing for measured cells."""
    if info.truth not in registry.names():
        return
    with st.container(border=True, key="known"):
        st.header("Ground truth")
        try:
            process = registry.create(info.truth, info.truth_settings)
        except ValueError as error:
            st.warning(f"These data were simulated by another version of the app. {sentence(error)}")
            return
        st.caption(
            f"{process.title}: these data were simulated, so the answers below are the truth and not a model's. "
            f"Train a model, and see how much of it comes back. After {process.paper}."
        )
        views = {name: draw for name, (kind, draw) in _VIEWS.items() if isinstance(process, kind)}
        chosen = st.segmented_control(
            "Question", list(views), default=next(iter(views)), key=f"known_{info.id}", required=True
        )
        views[chosen or next(iter(views))](info, process)


def _ask(info: store.DatasetInfo, question: str, *args: Any, each: list[Any] | None = None, **kwargs: Any) -> Any:
    """The simulator's answer, from a worker, kept while the server runs. each: answers to many arguments at once."""
    shown = json.dumps([args, kwargs, each], default=lambda value: np.asarray(value).tolist(), sort_keys=True)
    key = f"known-{info.truth}-{json.dumps(dict(info.truth_settings), sort_keys=True)}-{question}-{shown}"
    path = "cellflow_core.data.simulators.registry:"

    def ask() -> Future:
        settings = dict(info.truth_settings)
        if each is not None:
            return analysis_pool.call(f"{path}answer_each", info.truth, settings, question, each)
        return analysis_pool.call(f"{path}answer", info.truth, settings, question, *args, **kwargs)

    return result_of(cached_future(key, ask), "Asking the true process")


def _times(info: store.DatasetInfo, process: Any, count: int = POINTS) -> np.ndarray:
    """Moments from the first to the last one simulated."""
    last = process.settings.as_dict().get("last_time", info.times[-1])
    return np.linspace(0.0, float(last), count)


def _held(info: store.DatasetInfo, process: Any, question: str) -> dict[str, float]:
    """A gene that the reader holds at a level; {} where none is chosen."""
    word = "gene" if info.space == "genes" else "axis"
    with st.container(horizontal=True):
        gene = st.selectbox(
            f"Hold a {word}" if word == "gene" else "Hold an axis",
            process.axes,
            index=None,
            placeholder="no clamp",
            key=f"known_{question}_gene_{info.id}",
            width=240,
        )
        level = st.number_input(
            "at the level",
            value=0.0,
            format="%g",
            key=f"known_{question}_level_{info.id}",
            disabled=gene is None,
            help="0 is a knock-out. It is held from the first moment to the last.",
            width=160,
        )
    return {} if gene is None else {str(gene): float(level)}


def _clamp_words(clamp: dict[str, float]) -> str:
    return " and ".join(
        f"{gene} " + (f"held at {level:g}" if level else "knocked out") for gene, level in clamp.items()
    )


def _network(info: store.DatasetInfo, process: Any) -> None:
    acts = process.network()
    look = st.segmented_control(
        "Shown as", ("arrows", "table"), default="arrows", key=f"known_look_{info.id}", required=True
    )
    draw = network.table if look == "table" else network.network
    chart(
        draw(acts, process.axes, dark=dark()), key=f"known_network_{info.id}", alt=network.describe(acts, process.axes)
    )
    st.caption("The arrows are the rules the cells were simulated with. A gene without any is a bystander.")


def _landscape(info: store.DatasetInfo, process: Any) -> None:
    found = _ask(info, "landscape")
    figure = ground_truth.landscape(found.x, found.y, found.height, found.stable, found.axes, dark=dark())
    text = ground_truth.describe_landscape(found.height, found.stable, found.axes)
    chart(figure, key=f"known_landscape_{info.id}", alt=text)
    st.caption("Height is -log of how often cells are there when the process has gone on for ever.")
    if isinstance(process, contract.HasNonGradient):
        share = _ask(info, "non_gradient")
        st.metric("Of the motion, no landscape explains", f"{share:.0%}")


def _fates(info: store.DatasetInfo, process: Any) -> None:
    clamp = _held(info, process, "fates")
    before = _ask(info, "fate_shares")
    after = _ask(info, "fate_shares", clamp) if clamp else None
    change = _clamp_words(clamp)
    if after is not None:
        most = max(before, key=lambda name: abs(after[name] - before[name]))
        st.markdown(
            f"With {plain(change)}, **{plain(most)}** goes from {before[most]:.0%} to {after[most]:.0%} of cells."
        )
    figure = ground_truth.shares(before, after, change, dark=dark())
    chart(figure, key=f"known_fates_{info.id}", alt=ground_truth.describe_shares(before, after, change))


def _mass(info: store.DatasetInfo, process: Any) -> None:
    times = _times(info, process, MOMENTS)
    mass = np.array(_ask(info, "mass", each=times.tolist()), dtype=float)[:, None]
    names = ("cells, in units of those at the start",)
    figure = ground_truth.course(times, mass, names, unit=info.time_unit, y="cell number", dark=dark())
    figure.update_yaxes(rangemode="tozero")
    chart(figure, key=f"known_mass_{info.id}", alt=ground_truth.describe_course(times, mass, names, "True cell number"))


def _states(info: store.DatasetInfo, process: Any) -> None:
    found = _ask(info, "steady_states")
    chart(
        ground_truth.states(found, process.axes, dark=dark()),
        key=f"known_states_{info.id}",
        alt=ground_truth.describe_states(found, process.axes),
    )
    st.caption("Without noise, a cell in one of these states stays there.")


def _course(info: store.DatasetInfo, process: Any) -> None:
    clamp = _held(info, process, "course")
    names = list(process.axes)
    if len(names) > LINES:
        names = st.multiselect("Genes", names, names[:LINES], key=f"known_lines_{info.id}") or names[:LINES]
    times = _times(info, process)
    found = _ask(info, "mean_trajectory", times, clamp or None)[:, [process.axes.index(each) for each in names]]
    figure = ground_truth.course(times, found, names, unit=info.time_unit, dark=dark())
    text = f"The trajectory without noise{', with ' + _clamp_words(clamp) if clamp else ''}"
    chart(figure, key=f"known_course_{info.id}", alt=ground_truth.describe_course(times, found, names, text))
    if isinstance(process, contract.HasPeriod):
        turn = _ask(info, "period", clamp or None)
        st.metric(f"Time of a turn ({info.time_unit})", f"{turn:.4g}" if turn else "none: it comes to rest")


def _marginal(info: store.DatasetInfo, process: Any) -> None:
    times, names = _times(info, process, 60), process.axes[:LINES]
    found = _ask(info, "marginal", each=times.tolist())
    mean = np.array([each for each, _ in found])[:, :LINES]
    spread = 2 * np.sqrt(np.array([np.diag(each) for _, each in found]))[:, :LINES]
    figure = ground_truth.course(
        times, mean, names, unit=info.time_unit, y="mean ± 2 standard deviations", spread=spread, dark=dark()
    )
    chart(
        figure, key=f"known_marginal_{info.id}", alt=ground_truth.describe_course(times, mean, names, "The true mean")
    )


def _portrait(info: store.DatasetInfo, process: Any) -> None:
    data = cell_selection.dataset(info.id)
    if not {"spliced", "unspliced"} <= set(info.layers):
        st.info("The spliced and unspliced RNA of these cells was not kept by the steps that followed.")
        return
    gene = st.selectbox("Gene", process.axes, key=f"known_gene_{info.id}", width=240)
    layers = [data.layer(each).column(gene) for each in ("spliced", "unspliced")]
    courses = _ask(info, "layer_courses", _times(info, process))
    at = process.axes.index(gene)
    cells, path = (
        np.stack(layers, axis=1),
        np.stack([courses[each][:, at] for each in ("spliced", "unspliced")], axis=1),
    )
    latent = data.snapshots().covariates.get(LATENT)
    figure = ground_truth.phase_portrait(cells, path, gene, latent=latent, dark=dark())
    chart(figure, key=f"known_portrait_{info.id}", alt=ground_truth.describe_portrait(cells, path, gene))
    st.caption(
        "Above the steady-state line a gene is being induced, below it repressed: this is what RNA velocity reads. "
        "The line is the truth, its arrows the direction of time."
    )


def _doses(info: store.DatasetInfo, process: Any) -> None:
    data = cell_selection.dataset(info.id).snapshots()
    given = sorted({float(each) for each in (() if data.dose is None else data.dose[:, 0])})
    highest = max(given, default=1.0)
    other = st.number_input(
        f"Another dose for everybody ({process.dose_unit})",
        0.0,
        1000 * highest,
        2 * highest,
        format="%g",
        key=f"known_dose_{info.id}",
        width=240,
    )
    times, drawn = _times(info, process), sorted({*given[:5], float(other)})
    axes, answers = process.axes[:PANELS], {each: _ask(info, "dose_response", times, each) for each in drawn}
    by_dose = {f"{each:g} {process.dose_unit}": path[:, :PANELS] for each, path in answers.items()}
    figure = ground_truth.responses(times, by_dose, axes, unit=info.time_unit, dark=dark())
    text = " ".join(ground_truth.describe_course(times, path, axes, dose) for dose, path in by_dose.items())
    chart(figure, key=f"known_doses_{info.id}", alt=f"A typical person. {text}")
    if not info.parent:
        what_if = _ask(info, "counterfactual", float(other)).mean(axis=0)
        listed = "; ".join(
            f"**{plain(name)}** {then:.3g} instead of {now:.3g}"
            for name, then, now in zip(axes, what_if[:PANELS], data.x.mean(axis=0)[:PANELS], strict=True)
        )
        st.markdown(
            f"Had each of these very people been given {other:g} {process.dose_unit}, the means of all measurements "
            f"would be: {listed}."
        )


def _variable(info: store.DatasetInfo, process: Any) -> int:
    """Place of the variable that the reader looks at."""
    name = st.selectbox("Variable", list(process.axes), key=f"known_variable_{info.id}", width=240)
    return process.axes.index(name)


def _individuals(info: store.DatasetInfo, process: Any) -> None:
    data = Trajectories.from_snapshots(cell_selection.dataset(info.id).snapshots())
    k = _variable(info, process)
    held = measurements(data, data.variables[k])
    names, group = groups(data, next(iter(data.labels), ""))
    member = group[np.searchsorted(data.subjects, held.subject)]
    figure = courses.spaghetti(held, member, names, dark=dark())
    chart(figure, key=f"known_individuals_{info.id}", alt=courses.describe_spaghetti(held))
    st.caption("A line is an individual, as it was measured; ticks at the foot are doses.")


def _other_doses(info: store.DatasetInfo, process: Any) -> None:
    k = _variable(info, process)
    factor = st.number_input("All doses times", 0.0, 100.0, 2.0, format="%g", key=f"known_factor_{info.id}", width=240)
    times = _times(info, process)
    by_dose = {
        "as given": 1.0,
        "no doses": 0.0,
        f"{factor:g} times as much": float(factor),
    }
    paths = {words: _ask(info, "mean_course", times, each)[:, [k]] for words, each in by_dose.items()}
    axes = process.axes[k : k + 1]
    figure = ground_truth.responses(times, paths, axes, unit=info.time_unit, dark=dark())
    text = " ".join(ground_truth.describe_course(times, path, axes, words) for words, path in paths.items())
    chart(figure, key=f"known_other_{info.id}", alt=f"Mean of all individuals. {text}")
    st.caption("The mean of these very individuals, measured without error, had they been given other doses.")


_VIEWS: dict[str, tuple[type, Callable[[store.DatasetInfo, Any], None]]] = {
    "Network": (contract.HasNetwork, _network),
    "Fates": (contract.HasFates, _fates),
    "Landscape": (contract.HasLandscape, _landscape),
    "Cell numbers": (contract.HasGrowth, _mass),
    "Steady states": (contract.HasStates, _states),
    "Phase portrait": (contract.HasLayers, _portrait),
    "Doses": (contract.HasResponse, _doses),
    "Individuals": (contract.HasTrajectories, _individuals),
    "Other doses": (contract.HasCounterfactuals, _other_doses),
    "Mean trajectory": (contract.HasCourse, _course),
    "Marginals": (contract.HasMarginal, _marginal),
}
"""What can be asked, by what the simulator must know."""
