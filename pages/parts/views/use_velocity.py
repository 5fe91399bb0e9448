"""The velocity of a run, used: a new data set in principal components or genes, for the models that learn from it."""

from __future__ import annotations

import streamlit as st

from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import estimated_velocity
from cellflow_core.runs.run import Run
from pages.parts.widgets import background, selectors, side

UNITS = {"counts": "Logarithmic", "expression": "Linear"}


def show(run: Run) -> None:
    """In which axes, in which units, and the button; a sentence where no data set has such axes."""
    st.header("Use this velocity")
    found = {each.id: each for each in estimated_velocity.targets(run)}
    if not found:
        st.info(
            "A velocity is used in principal components or genes of the same cells, and no data set here has them: "
            "choose such axes for all of these cells on the Data page, then take the step “Velocity genes and moments” "
            "from there.",
            icon=":material/info:",
        )
        return
    st.markdown(
        "Models that learn from a velocity need it in the axes of the expression. This makes a new data set of the "
        "same cells with it; the one before stays, and the step can be undone on the Data page."
    )
    words = selectors.disambiguate({id: f"{each.label} · {each.space}" for id, each in found.items()})
    left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    target = left.selectbox(
        "In the axes of", list(found), format_func=words.__getitem__, key=side.key(f"use_in_{run.id}")
    )
    units = right.segmented_control(
        "Its expression",
        list(UNITS),
        default=estimated_velocity.usual_units(found[target]),
        format_func=UNITS.__getitem__,
        required=True,
        key=side.key(f"use_units_{run.id}_{target}"),
        help="Logarithmic: log(1 + counts), whose velocity is that of the counts divided by 1 + counts. Linear: counts "
        "or levels as they are, as simulators give them.",
    )
    st.caption("Cells without an arrow get their velocity too: hold what a model makes of it against the arrows above.")
    job = f"use-velocity-{run.id}-{target}-{units}"
    clicked = st.button("Use this velocity", key=side.key("use_velocity"), icon=":material/trending_up:")
    if not clicked and background.pending(job) is None:
        return
    path = "cellflow_core.runs.estimated_velocity:use_velocity"
    made = background.shared(job, lambda: analysis_pool.call_once(path, run.id, target, units))
    id = background.result_of(made, f"Using the velocity in {plain(found[target].label)}")
    st.toast("A new data set was made; the one before stays in the list.", icon=":material/check:")
    st.switch_page("data.py", query_params={"dataset": id})
