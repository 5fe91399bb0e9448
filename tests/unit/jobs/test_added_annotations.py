"""Groups and embeddings added to a data set leave its runs its own."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.store import annotation_layers
from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.recipes import recipes
from cellflow_core.jobs.run_context import RunContext, replicates
from cellflow_core.jobs.worker import training_data
from tests.toys import finished, recipe, stored


def test_runs_stay_when_groups_and_an_embedding_are_added():
    id = stored()
    before = store.open_dataset(id).info
    run = finished(recipe(dataset=id, group="g"))
    assert derive(id, "clusters", {"resolution": 0.3, "name": "groups"}) == id
    store.add_view(id, "umap", np.asarray(store.open_dataset(id).snapshots().x[:, :2]))
    info = store.open_dataset(id).info
    assert info.fingerprint == before.fingerprint and info.version != before.version
    assert info.annotations == (*before.annotations, "groups") and "umap" in info.views
    subject = RunContext(run)
    assert "groups" in subject.data.labels and len(subject.data.labels["groups"]) == info.cells
    assert "groups" in training_data(run.recipe).labels
    other = finished(recipe(dataset=id, group="g", seed=1))
    assert [each.id for each in replicates(run)] == [other.id]
    made = recipes(id, "ot-cfm", "quick", {}, {}, seeds=(0,), hold_out=1.0)
    assert {each.fingerprint for each in made} == {before.fingerprint} == {run.recipe.fingerprint}


def test_answers_that_use_an_added_annotation_change_with_it():
    id = stored()
    run = finished(recipe(dataset=id))

    def path(**settings):
        return analysis_cache.cache_path("fates", run.id, {"view": "pca", **settings})

    plain = path()
    derive(id, "clusters", {"resolution": 0.3, "name": "groups"})
    first = path(states="groups")
    assert path() == plain
    annotation_layers.remove_last(store.open_dataset(id))
    derive(id, "clusters", {"resolution": 3.0, "name": "groups"})
    assert path(states="groups") != first


def test_a_model_that_uses_an_added_annotation_needs_the_same_one():
    id = stored()
    derive(id, "clusters", {"resolution": 0.3, "name": "groups"})
    info = store.open_dataset(id).info
    used = info.fingerprint_for({"condition": "groups"})
    assert used != info.fingerprint == info.fingerprint_for({"condition": "kind"})
    run = recipe(dataset=id, fingerprint=used, settings={"condition": "groups"})
    assert "groups" in training_data(run).labels
    annotation_layers.remove_last(store.open_dataset(id))
    with pytest.raises(ValueError, match="changed"):
        training_data(run)
