"""How well each gene is represented, on the Data page: measured when asked, answered for a gene, a table of all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.preprocessing import reconstruction
from cellflow_core.data.preprocessing.reconstruction import Reconstruction
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.steps.derive import derive
from pages.parts.data.reconstruction import answer
from tests.pages.test_pages import opened
from tests.toys import stored

pytestmark = pytest.mark.usefixtures("quiet")

GENES = ("Gata1", "<b>bad</b> [x](y)", "Noise", "Flat", "Left out")
FOUND = Reconstruction(("A", "B", "C", "D"), np.array([0.5, 0.9, 1.2, 0.0]), np.array([1.0, 1.0, 1.0, 0.0]), 70, False)


def genes_of_cells() -> str:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 5)).astype(np.float32) * np.array([3, 2, 0.1, 0, 1], np.float32)
    x, space = pca(values[:, :4], GENES[:4], 2)
    data = Snapshots(x, np.repeat([0.0, 1.0], 60), space, "day")
    return store.save_dataset(
        data, label="five", origin="upload", source="f", expression=values, expression_genes=GENES
    )


def words(page) -> str:
    return " ".join(each.value for kind in (page.markdown, page.caption, page.warning) for each in kind)


def test_it_is_measured_when_asked_and_answers_for_each_gene():
    id = genes_of_cells()
    page = opened("data", dataset=id)
    page.button(key="read_back_start").click().run()
    assert not page.exception and not page.error
    assert reconstruction.stored(store.open_dataset(id)) is not None
    assert "120 cells from which the axes were made" in words(page)
    for gene, message in (
        ("Gata1", "keeps 100% of how Gata1"),
        (GENES[1], r"\<b\>bad\</b\> \[x\](y)"),
        ("Noise", "next to nothing of Noise"),
        ("Flat", "Flat is the same in all 120 cells"),
        ("Left out", "Left out is not in the state"),
    ):
        page.selectbox(key=f"read_back_{id}").set_value(gene).run()
        assert not page.exception and message in words(page), gene
    table = next(each.value for each in page.dataframe if "variance kept (%)" in each.value)
    assert table["gene"].tolist() == ["Noise", GENES[1], "Gata1"]  # the worst first; a flat gene has no share


def test_a_step_that_makes_axes_has_it_ready():
    made = derive(genes_of_cells(), "state", {"representation": "pca", "axes": 3})
    page = opened("data", dataset=made)
    assert not [each for each in page.button if each.key == "read_back_start"]
    assert page.selectbox(key=f"read_back_{made}").value is None


def test_axes_that_are_genes_need_no_numbers_and_coordinates_have_none():
    made = derive(genes_of_cells(), "state", {"representation": "genes", "genes": "Gata1, Noise"})
    page = opened("data", dataset=made)
    assert "2 axes are genes themselves" in words(page) and "the other 3" in words(page)
    page = opened("data", dataset=stored())
    assert "How well each gene is represented" not in [each.value for each in page.header]


@pytest.mark.parametrize(("gene", "trust"), [("A", "good"), ("B", "fair"), ("C", "poor"), ("D", "poor"), ("E", "poor")])
def test_trust_in_a_knock_out_follows_what_is_kept(gene, trust):
    message = answer(FOUND, gene)
    assert message.trust == trust and gene in message.answer and "knock" in message.why


def test_what_was_stored_without_its_genes_is_one_sentence():
    rng = np.random.default_rng(0)
    x, space = pca(rng.normal(size=(60, 4)).astype(np.float32), GENES[:4], 2)
    data = Snapshots(x, np.repeat([0.0, 1.0], 30), dataclasses.replace(space), "day")
    id = store.save_dataset(data, label="bare", origin="upload", source="f")
    page = opened("data", dataset=id)
    page.button(key="read_back_start").click().run()
    assert not page.exception and "stored without the measured values" in page.error[0].value
