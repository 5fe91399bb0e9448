"""What if?"""

import streamlit as st

from cellflow_core.figures import perturbation
from cellflow_core.jobs import compute
from pages.parts import chart, headline, measured, perturb_form, rows, state, truth, view

run, data, info, map_name = view.opened(
    "perturb", "Perturb", "What if a gene were lost, or forced on?", ("velocity", "drift")
)
genes = measured.genes(data)
if not genes:
    perturb_form.no_genes()
left, right = st.columns([3, 5], gap="medium")
with left:
    asked = perturb_form.form(run.id, data, map_name, genes)
with right:
    if asked is None:
        st.stop()
    result = state.result_of(
        compute.ask("perturb", run.id, view=map_name, **asked), "Simulating with and without the change"
    )
    view.say(headline.of_perturbation(result))
    dark = chart.dark()
    sides = perturbation.before_after(result, data.view(map_name), dark=dark)
    chart.chart(sides, "perturb_sides", perturbation.describe(result))
    st.markdown("**Change of where cells end**")
    bars = perturbation.change(result, dark=dark)
    chart.chart(bars, "perturb_change", perturbation.describe(result))
    known = truth.shares(info, result)
    truth.show(result, known)
    view.notes((*result.notes, f"Interval: {result.interval}."))
    view.numbers(bars, rows.of_perturbation(result, known), f"perturb-{run.id}", "perturb")
