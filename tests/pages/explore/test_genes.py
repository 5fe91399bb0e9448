"""The page Genes: one gene, the drivers of a fate, and the network, with what data and model allow."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data import gene_aliases
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store import save_dataset
from cellflow_core.runs.run import Run
from tests import examples, toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")
GENES = ("Gata1", "Spi1")


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.info, page.warning)
    return " ".join(each.value for kind in kinds for each in kind).replace("\\", "")


def columns(page: AppTest) -> list[list[str]]:
    return [list(each.value) for each in page.dataframe]


def trained(model: str = "i-cfm", space: AffineSpace | None = None, timed: bool = True, **changes) -> Run:
    points, t = examples.cells(120)
    labels = {"type": np.where(points[:, 1] > 0, "up", "down")}
    covariates = {"age": points[:, 0].astype(float)} if timed else {}
    space = space or AffineSpace.of_genes(GENES)
    data = Snapshots(points, t if timed else None, space, "days", labels=labels, covariates=covariates)
    return toys.finished(toys.recipe(toys.stored(data), model=model, **changes))


@pytest.fixture
def circuit() -> Run:
    data = simulate("six-gene-circuit", {"cells_per_time": 150})
    return toys.finished(toys.recipe(data, model="rna-ode", settings={"network": True, "trees": 2}, training={}))


def test_one_gene_has_a_trend_in_each_group_and_its_spread():
    page = opened("genes", run=trained().id)
    assert not page.error and "along time (days)" in words(page) and "95 % interval of the mean" in words(page)
    assert ["group", "time (days)", "mean", "from", "to", "cells"] in columns(page)
    spread = next(each.value for each in page.dataframe if "cells with any (%)" in each.value)
    assert spread["group"].tolist() == ["down", "up"]
    page.selectbox(key="genes_along").set_value("number age").run()
    assert "along age" in words(page) and not page.exception
    page.selectbox(key="genes_by").set_value("time").run()
    assert not page.exception and not page.error
    page.segmented_control(key="trend_of").set_value("model").run()
    assert not page.exception and not page.error and "8 of 10" not in words(page)
    assert ["time (days)", "mean", "10 % quantile", "median", "90 % quantile"] in columns(page)


def test_the_figures_sent_hold_means_and_quartiles_of_the_cells():
    run = trained()
    points, t = examples.cells(120)
    up = points[:, 1] > 0
    for k, gene in enumerate(GENES):
        page = opened("genes", run=run.id, gene=gene)
        (violins, trend) = (figure(page, key) for key in ("genes_violins", "genes_trend"))
        own = points[:, k].astype(float)
        middles = np.quantile(own[~up], (0.25, 0.5, 0.75)), np.quantile(own[up], (0.25, 0.5, 0.75))
        bars, medians = violins["data"][-2:]
        assert np.allclose(numbers(medians["y"]), [each[1] for each in middles], atol=1e-6)
        ends = numbers(bars["y"]).reshape(2, 3)[:, :2]
        assert np.allclose(ends, [each[[0, 2]] for each in middles], atol=1e-6)
        lines = {each["name"]: each for each in trend["data"] if each["mode"] == "lines+markers"}
        for name, there in (("down", ~up), ("up", up)):
            means = [own[there & (t == each)].mean() for each in np.unique(t)]
            assert np.allclose(numbers(lines[name]["y"]), means, atol=1e-6)
        assert violins["layout"]["yaxis"]["title"]["text"] == trend["layout"]["yaxis"]["title"]["text"] == gene


def figure(page: AppTest, key: str) -> dict:
    """A figure that the browser updates in place, as it is sent."""
    (sent,) = (json.loads(each.proto.json) for each in page.get("bidi_component") if each.proto.id.endswith(f"-{key}"))
    return json.loads(sent["figure"])


def numbers(sent: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(sent["bdata"]), dtype=sent["dtype"])


def test_a_gene_is_found_by_another_name_and_an_ambiguous_one_is_listed():
    genes = (("Gata1", "Eryf1", "Gf-1"), ("Spi1", "PU.1", "Gf-1"))
    gene_aliases.keep(gene_aliases.AliasTable("mouse", "a test", "none", genes))
    run = trained()
    page = opened("genes", run=run.id, gene="pu.1")
    assert page.selectbox(key="gene_shown").value == "Spi1" and "pu.1 is read as Spi1" in words(page)
    assert set(page.selectbox(key="gene_shown").options) == {"Gata1 · Eryf1, Gf-1", "Spi1 · PU.1, Gf-1"}
    assert "Gf-1 may be Gata1 or Spi1: choose one" in words(opened("genes", run=run.id, gene="Gf-1"))


@pytest.mark.usefixtures("common_box")
def test_several_genes_are_dots_over_groups():
    page = opened("genes", run=trained().id, part="Several genes")
    (table,) = (each.value for each in page.dataframe)
    assert set(table["gene"]) == set(GENES)
    assert table["group"].tolist() == ["down", "up", "down", "up"]
    page.multiselect(key="dots").set_value([]).run()
    assert "Choose at least one gene." in words(page) and not page.multiselect(key="dots").value
    page.multiselect(key="dots").set_value(["spi1;gata1,\tFoxp3"]).run()
    assert page.query_params["dots"] == ["spi1", "gata1", "Foxp3"]  # a list, and in the link
    shown = words(page)
    assert (
        "spi1 is read as Spi1, gata1 is read as Gata1" in shown and "Foxp3 is not among the 2 genes of these" in shown
    )
    assert page.multiselect(key="dots").value == ["Spi1", "Gata1", "Foxp3"]
    page.selectbox(key="genes_by").set_value("").run()
    assert not page.exception and "one group of cells" in words(page)


def test_trends_are_weighted_by_the_fates_of_the_model():
    page = opened("genes", run=trained().id, genes_by="Fates of this model")
    assert not page.error and "by their probability of each fate" in words(page)


def test_the_gene_of_the_link_is_shown_and_one_that_is_not_there_is_said():
    run = trained()
    assert opened("genes", run=run.id, gene="Spi1").selectbox(key="gene_shown").value == "Spi1"
    assert "Foxp3 is not among the genes of these data" in words(opened("genes", run=run.id, gene="Foxp3"))
    empty = opened("genes", run=run.id, gene="")
    assert not empty.exception and "is not among the genes" not in words(empty)
    assert empty.selectbox(key="gene_shown").value == "Gata1"


def test_groups_too_small_for_a_trend_are_said_instead_of_an_empty_frame():
    points, t = examples.cells(60)
    few = np.where(np.arange(60) % 20 < 2, "rare", "common")
    for labels, message, drawn in (
        (few, "There is no line for rare: at no point along time (days) are there 5 cells or more", True),
        (np.arange(60) % 12, "There is no line to draw: at no point along time (days) has a group 5 cells", False),
    ):
        data = Snapshots(points, t, AffineSpace.of_genes(GENES), "days", labels={"lot": labels.astype(str)})
        run = toys.finished(toys.recipe(toys.stored(data), model="i-cfm"))
        page = opened("genes", run=run.id, genes_by="lot")
        assert not page.exception and message in words(page)
        sent = [each.proto.id for each in page.get("bidi_component")]
        assert any(each.endswith("-genes_trend") for each in sent) is drawn
        page.selectbox(key="genes_by").set_value("").run()
        assert "There is no line" not in words(page)


def test_drivers_stand_beside_what_pushes_cells():
    page = opened("genes", run=trained().id, part="Drivers of a fate", states="Groups of “type”")
    assert not page.error and not page.exception
    tables = columns(page)
    assert any(each[0] == "gene" and "correlation" in each for each in tables)
    assert any("correlation with the fate" in each for each in tables)
    assert "only a perturbation tells them from each other" in words(page)


def test_a_model_without_a_velocity_says_what_is_needed():
    run = trained(model="ot-displacement", settings={}, training={"steps": 1})
    assert "this model has none" in words(opened("genes", run=run.id, part="Drivers of a fate"))
    assert "choose a model with a velocity or a network" in words(opened("genes", run=run.id, part="Network"))


def test_a_model_with_equations_shows_them_gene_by_gene():
    page = opened("genes", run=trained("flecs", settings={}, training={"steps": 2}).id, part="Equations")
    assert not page.exception and not page.error and "Each of 2 genes has an equation" in words(page)
    form, own = (each.value for each in page.latex)
    assert r"\sigma" in form and own.count(r"z_{\text{Gata1}}") >= 2
    page.selectbox(key="equation_of").set_value("Spi1").run()
    assert r"z_{\text{Spi1}}" in page.latex[1].value.partition("=")[0]
    assert ["term", "weight"] in columns(page) and ["gene", "equation", "LaTeX", "shift", "unit"] in columns(page)
    assert "Equations" not in opened("genes", run=trained().id).segmented_control(key="part").options


def test_the_jacobian_stands_for_a_network_of_a_group():
    page = opened("genes", run=trained().id, part="Network")
    assert not page.error and "so the Jacobian stands for it" in words(page)
    assert "Influence over 120 cells" in words(page) and "There is one training only" in words(page)
    page.selectbox(key="network_of").set_value(("type", "up")).run()
    assert not page.exception and "cells with type up" in words(page)
    assert ["source", "target", "sign", "score (1 / days)", "evidence", "correlation"] in columns(page)


def test_another_model_of_the_cells_stands_beside():
    run = trained()
    other = toys.finished(toys.recipe(run.recipe.dataset, model="ot-cfm", label="the other"))
    page = opened("genes", run=run.id, part="Network")
    page.selectbox(key="beside").set_value(other.id).run()
    assert not page.exception and not page.error
    assert "the two share" in words(page) and "the other" in words(page)


def test_a_network_is_held_against_the_truth_and_correlation(circuit):
    page = opened("genes", run=circuit.id, part="Network")
    assert not page.error and "plain correlation of expression gets" in words(page)
    table = next(each.value for each in page.dataframe if "AUROC" in each.value)
    assert table["network"].tolist() == ["this model", "correlation of expression", "a random order"]
    edges = next(each.value for each in page.dataframe if "truth" in each.value)
    assert set(edges["truth"]) <= {"activates", "represses", "no edge"} and set(edges["evidence"]) == {"learnt"}
    page.selectbox(key="regulator").set_value("Gene5").run()
    assert not page.exception
    page.segmented_control(key="influence").set_value("jacobian").run()
    assert "constant in steps" in page.error[0].value


def test_a_latent_time_orders_cells_without_times(circuit):
    page = opened("genes", run=circuit.id)
    assert not page.error and "along latent time" in words(page).lower()


def test_data_without_genes_say_so():
    page = opened("genes", run=trained(space=AffineSpace.coordinates(("a", "b"))).id)
    assert page.header[0].value == "These data have no genes"


def test_cells_without_an_order_say_so():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2)).astype(np.float32)
    data = Snapshots(x, None, AffineSpace.of_genes(GENES), "h", velocity=x)
    run = toys.finished(toys.recipe(toys.stored(data), model="rna-ode", settings={"trees": 2}, training={}))
    page = opened("genes", run=run.id)
    assert not page.error and "No time or other order of these cells is known" in words(page)


@pytest.fixture
def components() -> Run:
    """Two principal components of two genes; a third gene is stored and not in the model."""
    points, t = examples.cells(120)
    labels = {"type": np.where(points[:, 1] > 0, "up", "down")}
    space = AffineSpace("pca", ("PC1", "PC2"), GENES, np.zeros(2), np.eye(2))
    values = np.concatenate([points, np.abs(points[:, :1])], axis=1)
    id = save_dataset(
        Snapshots(points, t, space, "days", labels=labels),
        label="components",
        origin="upload",
        source="made here",
        expression=values,
        expression_genes=(*GENES, "Klf1"),
        gene_ids=("ENS1", "ENS2", "ENS3"),
    )
    return toys.finished(toys.recipe(id))


def test_a_measured_gene_is_found_by_its_id_and_need_not_be_in_the_model(components):
    page = opened("genes", run=components.id, gene="ENS3")
    assert (
        page.selectbox(key="gene_shown").value == "Klf1" and "Klf1 · ENS3" in page.selectbox(key="gene_shown").options
    )
    assert not page.error and "Klf1 along time (days)" in words(page)
    assert "trend_of" not in {each.key for each in page.get("button_group")}
    assert "Klf1 is not among the genes of the model: cells are shown as measured." in words(page)
    assert "trend_of" in {each.key for each in opened("genes", run=components.id, gene="ENS1").get("button_group")}


def test_the_jacobian_of_principal_components_says_what_they_mix(components):
    page = opened("genes", run=components.id, part="Network")
    assert not page.error and "principal components, which mix genes" in words(page)
