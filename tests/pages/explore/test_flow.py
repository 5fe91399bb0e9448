"""The page on flow: colours of what is known of the cells, particles, fixed points, and what is faint."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests import ROOT, toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")


def trained():
    """Two groups of cells that move to a point each."""
    rng = np.random.default_rng(0)
    t = np.repeat([0.0, 1.0, 2.0], 80)
    side = np.where(np.arange(len(t)) % 2, 1.0, -1.0)
    x = np.stack([2 + side * t / 2, 2 - side * t / 2], axis=1) + rng.normal(0, 0.2, (len(t), 2))
    space = AffineSpace.of_genes(("Up", "Down"))
    data = Snapshots(x.astype(np.float32), t, space, "day", labels={"Speed": np.where(side > 0, "fast", "slow")})
    id = toys.stored(data, "sides")
    first, _ = (toys.finished(toys.recipe(id, seed=seed, group="g")) for seed in (0, 1))
    return first


def packed_head(page, key: str = "flow_particles") -> dict:
    """What the canvas was sent, without its arrays."""
    (sent,) = (each.proto.bytes for each in page.get("bidi_component") if f"-{key}" in each.proto.id)
    return json.loads(sent[4 : 4 + int.from_bytes(sent[:4], "little")])


def words(page) -> str:
    return " ".join(each.value for kind in (page.markdown, page.caption, page.info) for each in kind)


def test_every_colour_and_style_is_drawn_and_fixed_points_are_listed():
    run = trained()
    page = opened("flow", run=run.id, style="Particles", by="Divergence", fixed="true")
    assert not page.exception and "2 trainings of this model" in words(page)
    assert packed_head(page)["legend"]["title"] == "divergence (1 / day)"
    assert "ixed point" in words(page) or "vanishes nowhere" in words(page)
    choices = page.selectbox(key="by").options
    assert choices == ["Speed", "Divergence", "Curl", "time", "Speed (in the file)", "a gene", "Nothing"]
    page.selectbox(key="by").set_value(("label", "Speed")).run()
    head = packed_head(page)
    assert head["count"] == 240 and head["legend"]["title"] == "Speed" and not head["stream"]["speed"]
    page.selectbox(key="by").set_value(("gene", "")).run()
    page.selectbox(key="gene_shown").set_value("Down").run()
    assert packed_head(page)["legend"]["title"] == "Down"
    page.segmented_control(key="style").set_value("grid").run()
    assert not page.exception and len(page.get("plotly_chart")) == 1


def test_cells_are_chosen_on_the_picture_and_stay_chosen_on_other_pages():
    run, around = trained(), "pca -9,-9 9,-9 9,0 -9,0"
    page = opened("flow", run=run.id, outline=around)
    assert not page.exception and "cells outlined" in words(page) and page.query_params["outline"] == around
    (shape,) = json.loads(page.get("plotly_chart")[0].proto.spec)["layout"]["shapes"]
    assert shape["path"].startswith("M -9.0,-9.0")
    page.segmented_control(key="style").set_value("particles").run()
    assert packed_head(page)["lasso"] and packed_head(page)["outline"][0] == [-9, -9]
    page.switch_page(str(ROOT / "pages" / "landscape.py"))
    page.run()
    assert page.query_params["outline"] == around
    page.switch_page(str(ROOT / "pages" / "flow.py"))
    page.run()
    page.button(key="clear_selection").click().run()
    assert "outline" not in page.query_params and not packed_head(page)["outline"]


def test_a_link_opens_particles_coloured_by_their_speed():
    head = packed_head(opened("flow", run=trained().id, style="Particles"))
    assert head["stream"]["speed"] and head["legend"]["title"].startswith("speed (units of the map / day")
    assert "Particles that follow the flow." in head["alt"] and head["lasso"]
