"""What if?"""

import streamlit as st

from cellflow_core.figures import perturbation
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import result_tables, summaries
from pages.parts.views import cell_selection, perturb_form, perturbation_truth, view
from pages.parts.widgets import background, chart

run, data, info, map_name = view.open_view(
    "perturb", "Perturb", "What if a gene were lost, or forced on?", ("velocity", "drift")
)
genes = cell_selection.genes(data)
if not genes:
    perturb_form.no_genes()
left, right = st.columns([3, 5], gap="medium")
with left:
    asked = perturb_form.form(run.id, data, map_name, genes)
with right:
    if asked is None:
        st.stop()
    result = background.result_of(
        analysis_pool.submit_analysis("perturb", run.id, view=map_name, **asked),
        "Simulating with and without the change",
    )
    view.show_summary(summaries.of_perturbation(result))
    dark = chart.dark()
    sides = perturbation.before_after(result, data.embedding(map_name), dark=dark)
    chart.chart(sides, "perturb_sides", perturbation.describe(result))
    st.markdown("**Change of where cells end**")
    bars = perturbation.change(result, dark=dark)
    chart.chart(bars, "perturb_change", perturbation.describe(result))
    known = perturbation_truth.shares(info, result)
    perturbation_truth.show(result, known)
    view.notes((*result.notes, f"Interval: {result.interval}."))
    view.numbers(bars, result_tables.of_perturbation(result, known), f"perturb-{run.id}", "perturb")
