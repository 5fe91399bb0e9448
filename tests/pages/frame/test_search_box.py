"""The box for one or several of very many genes: what it is sent, and where the browser finds the names."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from cellflow_core.data import gene_aliases
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.workspace import Workspace, acting
from pages.parts.server import middleware, name_lists, routes, urls
from pages.parts.views import gene_search, perturb_form
from tests import examples, toys
from tests.asgi import get
from tests.pages.explore.test_genes import words
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")


@pytest.fixture
def server() -> Starlette:
    return Starlette(routes=routes.routes(), middleware=middleware.middleware())


def run_of(genes: tuple[str, ...]) -> str:
    points, t = examples.cells(120)
    x = np.tile(points, (1, -(-len(genes) // 2)))[:, : len(genes)]
    data = Snapshots(x, t, AffineSpace.of_genes(genes), "days")
    return toys.finished(toys.recipe(toys.stored(data), model="i-cfm")).id


def sent(page: AppTest) -> dict[str, Any]:
    """What the box is sent."""
    (box,) = (each.proto for each in page.get("bidi_component") if each.proto.component_name.endswith("search_box"))
    return json.loads(box.json)


def test_with_many_genes_the_box_is_sent_the_chosen_one_and_where_all_names_are(server, monkeypatch):
    monkeypatch.setattr(gene_search, "LISTED", 2)
    gene_aliases.keep(gene_aliases.AliasTable("mouse", "a test", "none", (("Gata1", "Eryf1"),)))
    run = run_of(("Gata1", "Spi1", "Klf1"))
    page = opened("genes", run=run, gene="Spi1")
    data = sent(page)
    assert (data["label"], data["help"], data["most"]) == ("Gene", gene_search.HELP, 1)
    assert data["chosen"] == [{"name": "Spi1", "text": "Spi1", "known": True}]
    assert "gene_shown" not in {each.key for each in page.selectbox} and not page.error
    names = get(server, data["url"])
    assert names.json == {"names": ["Gata1", "Spi1", "Klf1"], "texts": {"Gata1": "Gata1 · Eryf1"}}
    assert "immutable" in names.headers["cache-control"] and "private" in names.headers["cache-control"]
    page.query_params["gene"] = "eryf1"
    other = sent(page.run())
    assert (other["chosen"], other["url"]) == ([{"name": "Gata1", "text": "Gata1 · Eryf1", "known": True}], data["url"])


def test_several_of_many_genes_are_sent_with_how_many_can_be(monkeypatch):
    monkeypatch.setattr(gene_search, "LISTED", 2)
    run = run_of(("Gata1", "Spi1", "Klf1"))
    page = opened("perturb", run=run, gene="Spi1")
    data = sent(page)
    assert (data["label"], data["chosen"]) == ("Genes", [{"name": "Spi1", "text": "Spi1", "known": True}])
    assert data["most"] == perturb_form.MAX_GENES and not page.exception
    page.query_params["gene"] = ["Spi1", "Klf1"]
    assert [each["name"] for each in sent(page.run())["chosen"]] == ["Spi1", "Klf1"]


def test_several_genes_of_the_link_are_sent_and_one_that_the_data_lack_is_told():
    run = run_of(("Gata1", "Spi1", "Klf1"))
    page = opened("perturb", run=run, ask="Screen of many genes", screen_genes="Named")
    assert sent(page)["chosen"] == []
    page.query_params["screened"] = ["Klf1", "of other data"]
    assert [(each["name"], each["known"]) for each in sent(page.run())["chosen"]] == [
        ("Klf1", True),
        ("of other data", False),
    ]
    assert "of other data is not among the 3 genes of this model" in words(page) and not page.exception


@pytest.mark.usefixtures("common_box")
def test_a_list_of_genes_is_taken_apart_unless_it_is_a_name():
    page = opened("perturb", run=run_of(("Gata1", "Spi1", "T cell", "Klf1")))
    box = page.multiselect(key="gene")
    assert box.value == ["Gata1"]  # nobody chose yet
    box.set_value(["T cell", "['klf1', “Gata1”]"]).run()
    assert page.query_params["gene"] == ["T cell", "klf1", "Gata1"]
    assert page.multiselect(key="gene").value == ["T cell", "Klf1", "Gata1"] and not page.exception


@pytest.mark.usefixtures("common_box")
def test_all_genes_can_be_taken_away_and_stay_away():
    page = opened("perturb", run=run_of(("Gata1", "Spi1", "Klf1")))
    page.multiselect(key="gene").set_value([]).run()
    for _ in range(2):
        assert page.multiselect(key="gene").value == [] and "Choose at least one gene" in words(page)
        page.run()


@pytest.mark.usefixtures("common_box")
def test_more_genes_than_are_taken_is_told(monkeypatch):
    monkeypatch.setattr(perturb_form, "MAX_GENES", 2)
    page = opened("perturb", run=run_of(("Gata1", "Spi1", "Klf1")), gene=["Spi1", "Klf1", "Gata1"])
    assert page.multiselect(key="gene").value == ["Spi1", "Klf1"]
    assert "At most 2 genes are taken: the first 2 of these 3." in words(page)


def test_few_genes_stay_in_the_common_box():
    page = opened("genes", run=run_of(("Gata1", "Spi1", "Klf1")))
    assert page.selectbox(key="gene_shown").options == ["Gata1", "Spi1", "Klf1"]
    assert not [each for each in page.get("bidi_component") if each.proto.component_name.endswith("search_box")]


def test_the_address_of_a_list_is_its_content(server, monkeypatch):
    monkeypatch.setattr(name_lists, "MOST", 2)
    first = name_lists.register(("a", "b"), {})
    assert name_lists.register(["a", "b"], {"c": "of no name"}) == first
    others = {name_lists.register(("b", "a"), {}), name_lists.register(("a", "b"), {"a": "a · A"})}
    assert len({first, *others}) == 3
    answer = get(server, urls.names(first))
    assert answer.status == 404 and "no list" in answer.json["error"]  # two are held, and it was the first
    assert {get(server, urls.names(each)).status for each in others} == {200}


def test_a_list_of_one_person_is_not_found_by_another():
    ann, bob = (replace(Workspace.from_environment(), owner=each) for each in ("ann", "bob"))
    with acting(ann):
        mine = name_lists.register(("of Ann",), {})
        assert json.loads(name_lists.content(mine)) == {"names": ["of Ann"], "texts": {}}
    with acting(bob), pytest.raises(KeyError, match="no list"):
        name_lists.content(mine)
