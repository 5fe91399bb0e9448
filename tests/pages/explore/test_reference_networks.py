"""A model that gives a network and moves no cells: trained as any other, and shown where it has an answer."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs import recipes
from cellflow_core.runs.run import Run
from tests import examples, toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")


def trained(model: str, **settings) -> Run:
    points, t = examples.cells(120)
    kind = np.where(points[:, 1] > 0, "up", "down")
    design = {"Gata1": (np.arange(len(points)) % 2).astype(float)}
    genes = AffineSpace.of_genes(("Gata1", "Spi1"))
    data = Snapshots(points, t, genes, "days", labels={"kind": kind}, perturbation=design)
    return toys.finished(toys.recipe(toys.stored(data), model=model, settings=settings, training={"steps": 2}))


@pytest.mark.parametrize("model", ["correlation", "linear-grn"])
@pytest.mark.parametrize("name", ["runs", "train", "compare", "fates", "flow", "perturb", "time"])
def test_pages_open_and_ask_no_more_of_it_than_it_gives(name, model):
    page = opened(name, run=trained(model, annotation="kind").id)
    assert not page.exception and not page.error


@pytest.mark.parametrize("model", ["correlation", "linear-grn", "grnboost2", "cellbox"])
def test_the_page_of_genes_shows_its_network(model):
    settings = {"most_trees": 30} if model == "grnboost2" else {}
    page = opened("genes", run=trained(model, **settings).id, part="Network")
    assert not page.exception and not page.error


def test_a_comparison_leaves_it_out_and_says_why():
    run = trained("correlation")
    found = recipes.comparison(run.recipe.dataset, ["correlation"])
    assert not found.recipes and "moves no cells" in found.refused["correlation"]
