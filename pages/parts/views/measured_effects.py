"""What was measured in perturbed cells, against control cells of the same data: this part of Perturb needs no model."""

from __future__ import annotations

import re

import streamlit as st

from cellflow_core.analysis.results import MeasuredEffects
from cellflow_core.data import store
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures.perturbations import measured_effects as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import measured_effect_summaries as words
from cellflow_core.reporting.formatting import plain
from pages.parts.views import view
from pages.parts.widgets import background, selectors, side, state
from pages.parts.widgets.chart import chart, dark

LOOKS = {"measured": "What was measured", "predicted": "What a model predicts"}
_CELL_TYPES = re.compile(r"cell_?types?|clusters?|annotat|leiden|louvain|class|phase", re.I)
_OPTIONS = "cellflow_core.analysis.perturbations.stored_effects:options_of"
_EFFECTS = "cellflow_core.analysis.perturbations.stored_effects:effects_of"


def chosen() -> bool:
    """Whether to show what was measured; asked where a data set has a perturbation design, no where none has."""
    designs = _designs()
    if not designs:
        return False
    current = state.value("dataset")
    default = "measured" if current in designs or (current is None and state.value("run") is None) else "predicted"
    look = st.segmented_control(
        "Perturbations",
        list(LOOKS),
        format_func=LOOKS.__getitem__,
        default=default,
        required=True,
        **side.bound("look"),
        label_visibility="collapsed",
    )
    return (look or default) == "measured"


def show() -> None:
    """Data set, targets by their distance from the controls, one target, all targets, and what this cannot tell."""
    view.texts("measured-effects")
    info = _dataset()
    batch, annotation = _settings(info)
    asked = background.shared(
        f"measured-{info.id}-{info.version}-{batch}-{annotation}",
        lambda: analysis_pool.call(_EFFECTS, info.id, batch, annotation),
    )
    result = background.result_of(asked, "Comparing perturbed with control cells")
    view.show_summary(words.of_effects(result))
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Targets", anchor=False)
        ranked = figures.ranked(result, dark=dark())
        chart(ranked, "measured_ranked", figures.describe_ranked(result))
        _drawn(result)
        if len(result.names) > 1:
            st.markdown("**Genes of all targets**")
            chart(figures.heat_map(result, dark=dark()), "measured_heat_map", figures.describe_heat_map(result))
    with right:
        _one_target(result, _target(result), info)
    view.notes(words.notes_of(result))
    view.numbers(ranked, words.effect_rows(result), f"measured-{info.id}", "measured", "Data table: targets")
    beaten, title = words.baseline_rows(result), "Data table: what a prediction has to beat"
    view.numbers(ranked, beaten, f"baselines-{info.id}", "baselines", title)
    _predictions(info)


def _designs() -> dict[str, store.DatasetInfo]:
    return {each.id: each for each in store.datasets() if DataRequirement.PERTURBATION in each.has}


def _dataset() -> store.DatasetInfo:
    designs = _designs()
    known = state.value("dataset")
    if known not in designs and known in {each.id for each in store.datasets()}:
        st.info("The data set looked at last has no perturbation design. Shown is one that has.")
        state.choose("dataset", next(iter(designs)))
    named = {each.id: selectors.dataset_words(each) for each in designs.values()}
    chosen = selectors.choose("dataset", "Data set", named, next(iter(designs)))
    if chosen is None:
        side.stop()
    return designs[chosen]


def _settings(info: store.DatasetInfo) -> tuple[str, str]:
    """(batch within which cells are compared, annotation whose shares are compared), "" for none."""
    asked = background.cached_future(
        f"measured-options-{info.id}-{info.version}", lambda: analysis_pool.call(_OPTIONS, info.id)
    )
    names, likely = background.result_of(asked, "Reading the annotations")
    if not names:
        return "", ""
    left, right = st.columns(2, gap="medium")
    options = ["", *names]
    with left:
        batch = st.selectbox(
            "Compare within",
            options,
            options.index(likely),
            key=side.key(f"measured_batch_{info.id}"),
            format_func=lambda each: each or "all cells together",
            help="Batches, replicates or donors: target cells are compared with controls of the same one, and the "
            "differences combined. Times are always kept apart.",
        )
    kinds = next((k for k, each in enumerate(options) if each != batch and _CELL_TYPES.search(each)), 0)
    with right:
        annotation = st.selectbox(
            "Shares of",
            options,
            kinds,
            key=side.key(f"measured_shares_{info.id}"),
            format_func=lambda each: each or "no groups",
            help="Cell types or clusters whose shares may change.",
        )
    return str(batch), str(annotation)


def _target(result: MeasuredEffects) -> int:
    """The target that is looked at: the strongest at first, then the one chosen, kept in the link."""
    names = [result.names[k] for k in result.order]
    shown = st.selectbox("Target", names, **side.bound("target"), help="The largest distance comes first.")
    return result.names.index(str(shown))


def _one_target(result: MeasuredEffects, effect: int, info: store.DatasetInfo) -> None:
    summary = words.of_effect(result, effect)
    st.markdown(f"**{plain(summary.answer)}**")
    st.markdown(plain(summary.why))
    drawn = figures.genes(result, effect, dark=dark())
    chart(drawn, "measured_genes", figures.describe_genes(result, effect))
    name = re.sub(r"\W+", "-", result.names[effect])
    view.numbers(
        drawn, words.gene_rows(result, effect), f"genes-{name}-{info.id}", "measured_genes", "Data table: genes"
    )
    if result.groups:
        st.markdown(f"**Shares of “{plain(result.annotation)}”**")
        bars = figures.shares(result, effect, dark=dark())
        chart(bars, "measured_shares", figures.describe_shares(result, effect))
        rows = words.share_rows(result, effect)
        view.numbers(bars, rows, f"shares-{name}-{info.id}", "measured_shares", "Data table: shares")


def _drawn(result: MeasuredEffects) -> None:
    if len(result.names) > figures.MOST_TARGETS:
        st.caption(f"The {figures.MOST_TARGETS} largest of {len(result.names):,}; the table below has all.")


def _predictions(info: store.DatasetInfo) -> None:
    """Where a prediction of the same changes comes from."""
    if DataRequirement.TIMES in info.has:
        st.caption(
            ":material/compare_arrows: A model trained on these data predicts knock-outs under “What a model predicts”."
        )
    else:
        st.caption(
            ":material/compare_arrows: A prediction needs a model of motion, and that needs cells at two or more "
            "times, which are not in these data."
        )
