"""In which direction does RNA say that cells change?"""

import streamlit as st

from cellflow_core.analysis.rna_velocity.drawn_arrows import draw_above
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures import rna_velocity
from cellflow_core.figures.cells.packed_map import Stream
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import cell_rows
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.rna_velocity import permutation_scores
from cellflow_core.reporting.rna_velocity import summaries as velocity_summaries
from pages.parts.views import cell_selection, colouring, gene_search, group_velocities, own_colours, use_velocity, view
from pages.parts.views.fates import root_and_ends
from pages.parts.views.fields import field_view
from pages.parts.widgets import background, chart, side, state, view_links

context = view.open_view(
    "rna_velocity",
    "RNA velocity",
    "In which direction does their RNA say that cells change, and can it be believed?",
    view_links.NEEDED["velocity"].capabilities,
    needs=DataRequirement.MOMENTS,
)
run, data, info, map_name, place = context
dark = chart.dark()
with place.controls:
    least = st.slider(
        "Least agreement for an arrow",
        0.0,
        0.95,
        0.5,
        0.05,
        **side.bound("least"),
        help="Mean cosine between the velocities of all estimators in a cell. Cells below it have no arrow.",
    )
    style = view.options("Arrows", "style", field_view.styles(info))
asked = analysis_pool.submit_analysis("velocity", run.id, view=map_name)
with place.picture:
    result = draw_above(background.result_of(asked, "Estimating RNA velocity and comparing the estimators"), least)
with place.answer:
    view.show_summary(velocity_summaries.of_velocity(result))
colours = {"agreement": "Agreement", "halves": "Count halves", "speed": "Speed"}
colours |= {"intrinsic": "Intrinsic uncertainty", "extrinsic": "Extrinsic uncertainty"}
colours = {k: v for k, v in colours.items() if getattr(result, k) is not None}
with place.controls:
    orders = {each: velocity_summaries.order_name(each) for each in result.orders}
    groups = {f"group {each}": each for each in cell_selection.groupings(data)}
    by = view.options("Colour", "by", colours | orders | groups)
    ends = root_and_ends.ask(context)
    view.outline_words(map_name, data.embedding(map_name), view.CHOOSE, info)
with place.picture:
    grouped = colouring.of(data, ("label", groups[by])) if by in groups else None
    shown = grouped or rna_velocity.colouring(result, by)
    drawn = "streams" if style == "particles" else style
    states = root_and_ends.found(context, ends, result)
    look = {"polygon": state.outline(map_name), "marks": states.marks, "dark": dark}
    figure = rna_velocity.arrows(result, shown=shown, style=drawn, **look)
    words = rna_velocity.describe(result, shown)
    stream = Stream(result.x, result.y, result.u, result.v, result.opacity)
    places = cell_selection.places(data, map_name)
    key = "velocity_particles"
    drawing = (places, shown, stream, words, key, map_name, states.marks)
    if style != "particles" or not field_view.drawn(*drawing, lasso=True):
        chart.lasso(figure, "velocity_arrows", words, map_name, drag="pan")
    root_and_ends.caption(states)
with place.more:
    st.markdown(velocity_summaries.of_order(result))
    view.notes(result.notes)
    if info.annotations:
        st.page_link(
            "landscape.py",
            label="Which path leads from one state to another, and which genes change on it? See Landscape",
            icon=":material/route:",
            query_params={"run": run.id, "part": "Path between two states"},
        )
    rows = cell_rows.of_all(velocity_summaries.cell_rows(result), data)
    view.numbers(figure, rows, f"velocity-{run.id}", "velocity")

st.header("One gene: its phase portrait")
gene = gene_search.choice(data, result.genes)
groups = {"": "Rising or falling", **({"time": "Time"} if len(info.times) > 1 else {})}
groups |= {each: each for each in cell_selection.groupings(data)}
grouping = view.options("Colour of the cells", "group", groups) if len(groups) > 1 else ""
asked = analysis_pool.submit_analysis("phase_portrait", run.id, gene=gene)
scores = None
if "permutation_scores" in view.capabilities(run):
    known = cell_selection.groupings(data)
    within = grouping if grouping in known else (*known, "")[0]
    shuffled = analysis_pool.submit_analysis("permutation_scores", run.id, by=within)
    scores = background.result_of(shuffled, "Shuffling the RNA of each gene within groups of cells")
portrait = background.result_of(asked, "Estimating the velocity of the gene")
codes, names = cell_selection.grouped(data, grouping)
picture = rna_velocity.portrait(
    portrait, codes, names, in_order=grouping == "time", own=own_colours.of_groups(data, grouping), dark=dark
)
chart.chart(picture, "velocity_portrait", rna_velocity.describe_portrait(portrait))
st.markdown(velocity_summaries.of_portrait(portrait))
if scores is not None:
    st.markdown(plain(permutation_scores.of_gene(scores, gene)))
    st.caption(plain(permutation_scores.of_scores(scores)))
rows = velocity_summaries.gene_rows(result, scores)
view.numbers(picture, rows, f"velocity-genes-{run.id}", "genes", "Data table: every gene")

group_velocities.show(run, data)
use_velocity.show(run)
