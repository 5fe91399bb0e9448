"""Paths of least action as pictures."""

from typing import Any

import numpy as np

from cellflow_core.figures import landscape, scatter, theme
from cellflow_core.figures.fields import least_action as figures
from tests import example_groups, examples


def named(found: Any) -> dict[str, Any]:
    return {each.name: each for each in found}


def test_paths_lie_on_the_surface_between_their_ends():
    made, surface = example_groups.least_action(), examples.landscape()
    figure = figures.on_surface(made, surface, dark=False)
    traces = named(figure.data)
    there, back, ends = traces["Stem to Erythroid"], traces["Erythroid to Stem"], traces["ends of the path"]
    assert (there.line.dash, back.line.dash) == ("solid", "dash") and there.line.color != back.line.color
    np.testing.assert_allclose([there.x[0], there.x[-1]], [0, 4], atol=1e-6)
    known = np.isfinite(there.z)
    span = np.nanmax(surface.height) - np.nanmin(surface.height)
    assert known.any() and (there.z[known] <= np.nanmax(surface.height) + 0.04 * span).all()
    assert list(ends.text) == ["A: Stem", "B: Erythroid"]
    assert not figure.frames and "simulated cells" not in traces
    labels = [each.text for each in figure.layout.scene.annotations]
    assert len(labels) > len(landscape.landscape(surface).layout.scene.annotations) and "<b>A: Stem</b>" in labels


def test_the_map_shows_other_trainings_thin_and_marks_what_is_far_from_cells():
    made = example_groups.least_action()
    cells = np.random.default_rng(0).normal(size=(20, 2))
    figure = figures.add_to_map(scatter.scatter(cells, axes=("PC1", "PC2")), made, dark=True)
    drawn = named(figure.data)
    assert drawn["other trainings"].line.width < drawn["Stem to Erythroid"].line.width
    np.testing.assert_allclose(drawn["far from every cell of this time"].x, [1.6, 2.0, 2.4], atol=1e-6)
    assert [each.text for each in figure.layout.annotations] == ["<b>A: Stem</b>", "<b>B: Erythroid</b>"]
    assert drawn["Stem to Erythroid"].line.color == theme.model(True)
    assert "an action of 0.5 state² / days, the straight line 1, 73% of it near cells" in figures.describe(made)


def test_genes_are_drawn_from_start_to_end_in_both_directions_beside_what_was_measured():
    made = example_groups.least_action()
    values = made.values[..., 0]
    measured = {"Stem": (0.2, 0.0, 0.5), "Erythroid": (2.8, 2.0, 3.5)}
    drawn = named(figures.gene_lines(made, "Gata1", values, measured).data)
    np.testing.assert_allclose(drawn["Erythroid to Stem"].y, drawn["Stem to Erythroid"].y)
    assert drawn["Stem to Erythroid, range of 2 trainings"].fill == "toself"
    points = drawn["measured in the groups, mean and 8 of 10 cells"]
    assert list(points.y) == [0.2, 2.8] and list(points.error_y.array) == [0.3, 0.7]
    assert figures.describe_gene(made, "Gata1", values).startswith(
        "Gata1 along the path from Stem to Erythroid: from 0"
    )
    many = figures.many_genes(made, [1, 2, 0]).data[0]
    assert list(many.y) == ["Spi1 (2)", "Kit (1)", "Gata1 (3)"] and many.z.min() == 0 and many.z.max() == 1
    assert figures.describe_many(made, [1, 2, 0]).endswith("Spi1, Kit, Gata1.")
