"""What drives it?"""

import streamlit as st

from pages.parts.views import cell_selection, view
from pages.parts.views.genes import drivers, equations, gene_networks, one_gene
from pages.parts.widgets import selectors, state

run, data, info, _, place = view.open_view(
    "genes",
    "Genes",
    "What drives it: which genes change, go with a fate, or act on others?",
    (),
    needs=None,
    maps=False,
)
with place.picture:
    if not cell_selection.measured_genes(data):
        selectors.empty_state(
            "These data have no genes",
            "They are coordinates in a table. Load gene expression (an .h5ad file, or a table of genes) to see genes.",
            {"data.py": "Add data"},
        )
with place.controls:
    parts = {"gene": "One gene", "several": "Several genes", "drivers": "Drivers of a fate", "network": "Network"}
    if "equations" in view.capabilities(run):
        parts["equations"] = "Equations"
    part = view.options("Question", "part", parts)
with place.picture:
    if part == "gene":
        one_gene.show(run, data, info, place.answer)
    elif part == "several":
        one_gene.show_several(run, data)
    elif part == "drivers":
        drivers.show(run, data, place.answer)
    elif part == "equations":
        equations.show(run, place.answer)
    else:
        gene_networks.show(run, data, place.answer)
st.page_link(
    "perturb.py",
    label="Test a gene: change it in the model",
    icon=":material/science:",
    query_params=state.link("perturb"),
)
