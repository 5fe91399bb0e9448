"""What if?"""

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures.perturbations import perturbation
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import perturbation_summaries, result_tables, summaries
from pages.parts.views import (
    cell_selection,
    knock_outs,
    measured_effects,
    perturb_form,
    perturbation_truth,
    screen,
    view,
)
from pages.parts.widgets import background, chart, side, sides, view_links

sides.heading("Perturb", "What if a gene were lost, or forced on?")
if measured_effects.chosen():
    measured_effects.show()
    side.stop()
run, data, info, map_name, place = view.open_view(
    "perturb", "", "", view_links.NEEDED["perturb"].capabilities, needs=None
)
genes = cell_selection.genes(data)
with place.picture:
    if not genes:
        perturb_form.no_genes()
questions = {"one": "One change", "screen": "Screen of many genes"}
if DataRequirement.PERTURBATION in info.has:
    questions["measured"] = "Against measured knock-outs"
with place.controls:
    question = view.options("Question", "ask", questions)
if question == "screen":
    screen.show(run.id, data, map_name, genes, place)
    side.stop()
if question == "measured":
    knock_outs.show(run.id, place)
    side.stop()
with place.controls:
    edges = "network" in view.capabilities(run) and DataRequirement.GENE_AXES in info.has
    asked = perturb_form.form(run.id, data, map_name, genes, network=edges)
    if asked is None:
        side.stop()
with place.picture:
    result = background.result_of(
        analysis_pool.submit_analysis("perturb", run.id, view=map_name, **asked),
        "Simulating with and without the change",
    )
dark, known = chart.dark(), perturbation_truth.shares(info, result)
with place.answer:
    summary = perturbation_summaries.of_perturbation(result)
    view.show_summary(summaries.limited(summary, view.roll_out(run.id, info, map_name), info.time_unit))
with place.picture:
    sides = perturbation.before_after(result, data.embedding(map_name), dark=dark)
    chart.chart(sides, "perturb_sides", perturbation.describe(result))
    perturbation_truth.show(result, known)
    bars, of_genes = perturbation.change(result, dark=dark), perturbation.genes(result, dark=dark)
    if len(result.names) > 1:
        st.markdown("**Change of where cells end**")
        chart.chart(bars, "perturb_change", perturbation.describe(result))
with place.more:
    st.markdown("**Genes that change most**")
    chart.chart(of_genes, "perturb_genes", perturbation.describe_genes(result))
    view.notes(perturbation_summaries.notes_of(result))
    states = result_tables.of_perturbation(result, known)
    view.numbers(bars, states, f"perturb-{run.id}", "perturb", "Data table: states")
    found = result_tables.of_changed_genes(result)
    view.numbers(of_genes, found, f"perturb-genes-{run.id}", "genes", "Data table: simulated expression")
    st.caption(perturbation_summaries.IS_NOT)
    if len(result.control_genes):
        controls = result_tables.of_control_genes(result)
        view.numbers(bars, controls, f"perturb-controls-{run.id}", "controls", "Data table: control genes")
