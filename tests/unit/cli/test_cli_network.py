"""Networks from the shell."""

import pandas as pd

from cellflow_core import cli
from cellflow_core.data import store
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.runs import index
from tests.toys import finished, recipe, stored


def test_the_edges_of_a_network_are_told_and_written(tmp_path, capsys):
    data = simulate("six-gene-circuit", {"cells_per_time": 150})
    run = finished(recipe(data, model="rna-ode", settings={"network": True, "trees": 2}, training={}))
    assert cli.main(["network", run.id, "--edges", "2", "--out", str(tmp_path / "edges.csv")]) == 0
    message = capsys.readouterr().out
    assert "The network that the model inferred, over 150 cells." in message and "a random order" in message
    table = pd.read_csv(tmp_path / "edges.csv")
    assert list(table.columns) == ["source", "target", "sign", "score", "evidence", "correlation", "truth"]
    assert 2 < len(table) <= 30 and table["score"].abs().is_monotonic_decreasing
    assert cli.main(["network", run.id, "--kind", "jacobian"]) == 2
    assert "constant in steps" in capsys.readouterr().err
    assert cli.main(["network", run.id, "--by", "kind"]) == 2
    assert "give both" in capsys.readouterr().err


def test_coordinates_have_no_network(capsys):
    run = finished(recipe(stored()))
    assert cli.main(["network", run.id]) == 2
    assert "come without genes" in capsys.readouterr().err


def test_individuals_are_no_snapshots_and_an_unknown_environment_is_refused_before_the_queue(capsys):
    data = simulate("maillard", {})
    known = store.open_dataset(data).info
    samples, individuals = known.cells, len(set(store.open_dataset(data).snapshots().subject.tolist()))
    run = finished(recipe(data, model="causal-kinetix", settings={"degree": 1}, training={}))
    assert cli.main(["network", run.id]) == 0
    message = capsys.readouterr().out
    assert f"over {samples} samples of {individuals} followed individuals." in message
    assert "A model learnt from followed individuals" in message and "snapshots" not in message
    before = len(index.runs())
    assert cli.main(["train", "--data", data, "--model", "causal-kinetix", "--set", "environment=foo"]) == 2
    message = capsys.readouterr().err
    assert "finds no annotation 'foo' in these data: their individuals have environment" in message
    assert len(index.runs()) == before
