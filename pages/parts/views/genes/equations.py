"""The equations of a model that has some: in common, of one gene in LaTeX, and all of them as tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import GeneEquations
from cellflow_core.figures.genes import coefficients
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.regulation import equations as equation_texts
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.widgets import background, chart, side


def show(run: Run, answer: Any) -> None:
    """The form, the equation of a chosen gene with its terms, and the tables; answer: where the sentence stands."""
    asked = analysis_pool.submit_analysis("gene_equations", run.id)
    found: GeneEquations = background.result_of(asked, "Reading the equations")
    with answer:
        view.show_summary(equation_texts.of_equations(found))
    st.markdown("**The equation of every gene**")
    st.latex(found.form)
    st.caption(plain(found.meaning))
    gene = str(st.selectbox("Equation of", found.genes, **side.bound("equation_of"), help="Type to search."))
    k = found.genes.index(gene)
    st.latex(equation_texts.in_latex(found, k))
    left_out = len(found.largest(k)) - equation_texts.MOST_TERMS
    if left_out > 0:
        st.caption(f"The {equation_texts.MOST_TERMS} largest terms; {left_out:,} more are in the table.")
    if found.explained is not None and np.isfinite(found.explained[k]):
        st.caption(f"It explains {max(found.explained[k], 0.0):.0%} of the motion that was left out.")
    if not found.exact:
        st.caption(f"Listed by {plain(found.quantity)}: how these levels enter f is what training has found.")
    figure = coefficients.coefficients(found, k, equation_texts.terms_of(found, k), dark=chart.dark())
    chart.chart(figure, "equation_terms", equation_texts.in_words(found, k))
    rows = equation_texts.coefficient_rows(found, k)
    view.numbers(figure, rows, f"equation-{run.id}", "equation", "Data table: terms of this gene")
    every = equation_texts.equation_rows(found)
    view.numbers(figure, every, f"equations-{run.id}", "equations", "Data table: every gene, with LaTeX")
    view.notes(found.notes)
