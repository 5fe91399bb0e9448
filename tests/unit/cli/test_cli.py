"""The command line: light help, one-sentence errors, and the whole way from data to an exported file."""

from __future__ import annotations

import subprocess
import sys

import anndata
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from cellflow_core import cli
from cellflow_core.cli import train
from cellflow_core.cli.options import parsed
from cellflow_core.cli.table import duration, table
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.neural import NeuralSpace
from cellflow_core.data.store import open_dataset
from cellflow_core.jobs import export
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, HasSampler
from cellflow_core.runs import index
from cellflow_core.selection import model_cards
from tests.toys import drifting, finished, recipe, stored


def test_help_imports_nothing_heavy():
    heavy = ("torch", "scanpy", "anndata", "pandas", "sklearn", "streamlit")
    code = f"""
import sys
from cellflow_core import cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
sys.exit(", ".join(each for each in {heavy!r} if each in sys.modules) or 0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    commands = "data models train compare runs simulate perturb velocity fates futures export"
    for command in commands.split():
        assert f"\n    {command}" in ran.stdout


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("train --data nope --model i-cfm", "there is no data set 'nope'"),
        ("train --data DATA --model nope", "there is no model 'nope'; there are "),
        ("train --data DATA --model i-cfm --set wide=3", "there is no setting 'wide'; there are steps, "),
        ("train --data DATA --model i-cfm --set width", "--set 'width' is not of the form key=value"),
        ("train --data DATA --model i-cfm --width 1", "Hidden width must be a whole number from 4 to "),
        ("train --data DATA --model i-cfm --hold-out 9", "no cells at time 9; there are cells at 0, 1, 2"),
        ("runs show ../../etc", "there is no run '../../etc'"),
        ("models show nope", "there is no model 'nope'"),
        ("simulate nope out.csv", "there is no run 'nope'"),
        ("simulate nope out.txt", "out.txt ends neither in .csv nor in .npz"),
        ("export nope out.txt", "out.txt ends neither in .h5ad nor in .csv, .py or .zip"),
        ("perturb nope A", "there is no run 'nope'"),
        ("data demo nope", "there is no demo 'nope'"),
        (
            "train --model i-cfm",
            "the following arguments are required: --data (see python -m cellflow_core train --help)",
        ),
        (
            "train --data DATA --model i-cfm --seeds 0,99999999999999999999",
            "'0,99999999999999999999' is not a whole number from 0 to 2147483647, or several between commas",
        ),
        ("train --data DATA --model i-cfm --seeds 1.5", "'1.5' is not a whole number from 0 to 2147483647"),
        ("simulate nope out.csv --seed -1", "'-1' is not a whole number from 0 to 2147483647"),
        ("fly", "invalid choice: 'fly'"),
        ("data delete nope", "there is no data set 'nope'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(line, sentence, capsys):
    assert cli.main(line.replace("DATA", stored()).split()) == 2
    message = capsys.readouterr().err
    assert sentence in message and message.count("\n") == 1 and not index.runs()


def test_train_queues_seeds_and_the_copy_with_a_time_held_out(capsys, monkeypatch):
    monkeypatch.setattr("cellflow_core.jobs.supervisor.ensure_supervisor", lambda: None)
    data = stored()
    line = f"train --data {data} --model i-cfm --preset quick --width 8 --set depth=1 --set batch_size=16"
    assert cli.main([*line.split(), "--seeds", "0,1", "--hold-out", "1", "--label", "mine"]) == 0
    runs = [index.open_run(id) for id in capsys.readouterr().out.split()]
    assert [(each.recipe.seed, each.recipe.hold_out) for each in runs] == [(0, None), (1, None), (0, 1.0)]
    assert len({each.recipe.group for each in runs}) == 1
    assert {each.recipe.settings["width"] for each in runs} == {8}
    assert {(each.recipe.training["batch_size"], each.recipe.training["steps"]) for each in runs} == {(16, 500)}
    assert runs[2].label == "mine, seed 0, without time 1"
    assert cli.main(["runs", "cancel", runs[0].id]) == 0
    assert cli.main(["runs", "delete", runs[0].id]) == 0
    assert cli.main(["runs", "list"]) == 0
    shown = capsys.readouterr().out
    assert f"{runs[0].id}: cancelled" in shown and "mine, seed 1" in shown and "queued (1)" in shown
    assert cli.main(["runs", "restore", runs[0].id]) == 0 and len(index.runs()) == 3


def test_a_run_is_named_after_its_variant(capsys, monkeypatch):
    monkeypatch.setattr("cellflow_core.jobs.supervisor.ensure_supervisor", lambda: None)
    data = stored()
    message = {
        "action-matching": "Action Matching, quick",
        "action-matching --set variant=entropic": "Action Matching (entropic), quick",
        "jkonet-star --set diffusion=true --substeps 2 --steps 9": (
            "JKOnet* (after Terpin et al., diffusion on), quick"
        ),
    }
    for model, label in message.items():
        assert cli.main(["train", "--data", data, "--preset", "quick", "--model", *model.split()]) == 0
        assert index.open_run(capsys.readouterr().out.strip()).label == label
    assert index.runs()[0].recipe.settings["substeps"] == 2 and index.runs()[0].recipe.training["steps"] == 9


def test_waiting_ends_with_the_state_of_the_runs(monkeypatch, capsys):
    data = stored()
    runs = [index.submit(recipe(data)), index.submit(recipe(data, settings={"wide": 1}))]
    todo = iter(runs)
    monkeypatch.setattr("cellflow_core.jobs.supervisor.ensure_supervisor", lambda: InProcess().start(next(todo)))
    assert train.follow(runs) == 1
    message = capsys.readouterr().out
    assert "queued, place 1" in message and "done" in message and "step 40/40" in message
    assert "failed, there is no setting 'wide'; there are " in message


def gene_cells():
    """The moving cloud in a pca space of three genes, with annotations of awkward names."""
    import dataclasses

    flat = drifting()
    decoder = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 2)))[0].T.astype(np.float32)
    space = AffineSpace("pca", ("PC1", "PC2"), ("A", "B", "C"), np.ones(3, np.float32), decoder)
    names = {"cell/type": np.array(["x", "y"] * 90), "time": np.array(["late"] * 180)}
    return dataclasses.replace(flat, space=space, labels=names)


def test_simulate_and_export(tmp_path, capsys):
    data = gene_cells()
    run = finished(recipe(stored(data)))
    assert cli.main(["simulate", run.id, str(tmp_path / "s.csv"), "--times", "0.5,1.5", "--cells", "7"]) == 0
    rows = pd.read_csv(tmp_path / "s.csv")
    assert list(rows.columns) == ["cell", "time", "weight", "PC1", "PC2"] and len(rows) == 14
    assert set(rows["time"]) == {0.5, 1.5} and rows.groupby("time")["weight"].sum().tolist() == pytest.approx([1, 1])
    assert cli.main(["simulate", run.id, str(tmp_path / "s.npz")]) == 0
    with np.load(tmp_path / "s.npz", allow_pickle=False) as stored_arrays:
        assert stored_arrays["x"].shape == (3, 60, 2) and stored_arrays["times"].tolist() == [0, 1, 2]
    assert cli.main(["simulate", run.id, str(tmp_path / "s.csv"), "--times", "2,1"]) == 2
    assert cli.main(["simulate", run.id, str(tmp_path / "s.csv"), "--times=-1,1"]) == 2
    message = capsys.readouterr().err
    assert "times must ascend, got 2, 1" in message and "no cells were measured before time 0" in message

    out = tmp_path / "e.h5ad"
    assert cli.main(["export", run.id, str(out), "--what", "measured", "--velocity"]) == 0
    cells = anndata.read_h5ad(out)
    assert list(cells.var_names) == ["A", "B", "C"]
    np.testing.assert_allclose(cells.X, data.space.decode(data.x), atol=1e-5)
    assert list(cells.obs.columns) == ["time", "cell_type", "time (annotation)"]
    np.testing.assert_allclose(cells.layers["velocity"], cells.obsm["velocity_state"] @ data.space.decoder, atol=1e-5)
    assert cells.uns["cellflow"]["run"] == run.id and '"seed": 0' in cells.uns["cellflow"]["recipe"]
    assert cli.main(["export", run.id, str(tmp_path / "e.csv"), "--cells", "5", "--velocity"]) == 0
    table_of = pd.read_csv(tmp_path / "e.csv", comment="#")
    assert len(table_of) == 15 and "velocity of PC1" in table_of.columns
    export.export_h5ad(run.id, str(out))
    again = anndata.read_h5ad(out)
    origin = again.obs["origin"].astype(str)
    assert again.shape == (360, 3) and (origin == "measured").sum() == (origin == "predicted").sum() == 180
    assert "180 measured cells, and 60 cells simulated through 3 times" in again.uns["cellflow"]["what"]
    assert again.obs["cell_type"].astype(str)[:180].tolist() == cells.obs["cell_type"].astype(str).tolist()
    assert set(again.obs["cell_type"].astype(str)[180:]) == {""} and set(again.obs["cell"][:180]) == {-1}
    np.testing.assert_allclose(again.obsm["X_state"][:180], data.x)


def counted_cells():
    """The moving cloud in a space that decodes to counts of three genes, in cells of 200 to 300 counts."""
    import dataclasses

    rng = np.random.default_rng(0)
    flat = drifting()
    encoder, decoder = (((rng.normal(size=size), np.zeros(size[1])),) for size in ((3, 2), (2, 4)))
    space = NeuralSpace("vae", ("z1", "z2"), ("A", "B", "C"), encoder, decoder, "rate", dispersion=np.ones(3))
    labels = {"kind": np.array(["x", "y"] * 90, dtype=object)}
    return dataclasses.replace(
        flat, space=space, labels=labels, covariates={"total counts": rng.uniform(200, 300, 180).round()}
    )


def test_generated_cells_are_written_with_counts_and_without_the_same_cell_at_two_times(tmp_path, capsys):
    settings = {"width": 8, "depth": 1, "condition": "kind"}
    run = finished(recipe(stored(counted_cells()), model="cfgen", settings=settings))
    out, columns = tmp_path / "e.h5ad", ["time", "weight", "z1", "z2"]
    assert cli.main(["export", run.id, str(out), "--label", "y", "--times", "0.5,2"]) == 0
    cells = anndata.read_h5ad(out)
    assert list(cells.obs.columns) == ["time", "weight"] and cells.shape == (120, 3)
    counts = csr_array(cells.layers["counts"]).toarray()
    assert np.issubdtype(counts.dtype, np.integer) and counts.min() >= 0 and 0 < counts.sum(axis=1).mean() < 300
    assert cli.main(["simulate", run.id, str(tmp_path / "s.csv"), "--label", "x"]) == 0
    assert list(pd.read_csv(tmp_path / "s.csv").columns) == columns
    assert "CFGen draws other cells at each time but the first" in capsys.readouterr().out
    assert cli.main(["simulate", run.id, str(tmp_path / "s.csv"), "--label", "<b>z"]) == 2
    assert "--label <b>z: CFGen was trained with x, y" in capsys.readouterr().err
    assert cli.main(["export", run.id, str(out), "--velocity"]) == 2
    assert "has its own sampler and no velocity field" in capsys.readouterr().err


def test_a_condition_is_a_column_that_there_is(capsys):
    data = counted_cells().spec
    with pytest.raises(ValueError, match="'type'.*kind"):
        registry.create("cfgen", {"condition": "type"}, data, 0)
    plain = registry.create("cfgen", {}, data, 0)
    assert isinstance(plain, HasSampler)
    with pytest.raises(ValueError, match="condition"):
        plain.sample(torch.zeros(2, 2), (0.0, 1.0), torch.Generator(), Context({"label": torch.zeros(2)}))


def test_settings_are_read_in_their_types():
    known = {each.name: each for each in model_cards.card("ot-cfm").settings}
    assert parsed(["width=8", "sigma=0.5", "coupling=exact"], known) == {"width": 8, "sigma": 0.5, "coupling": "exact"}
    with pytest.raises(ValueError, match=r"Hidden width must be a whole number .* 4096, not 'x' \(setting width\)"):
        parsed(["width=x"], known)


def test_a_table_keeps_a_hostile_name_on_its_line():
    assert table(("a", "b"), [("x\ny", 1)]) == "a    b\nx y  1"


def test_a_missing_number_is_an_empty_cell():
    assert table(("a", "b", "c"), [("x", float("nan"), "why")]) == "a  b  c\nx     why"


def test_durations():
    assert [duration(each) for each in (None, 4.4, 100, 3700)] == ["?", "4 s", "1 min 40 s", "1 h 1 min"]


def test_a_step_is_taken_from_the_shell(capsys):
    id = stored()
    assert cli.main(["data", "steps"]) == 0
    assert "pseudotime: Order by pseudotime" in capsys.readouterr().out
    assert cli.main(["data", "step", id, "subset", "--set", "by=time", "--last", "1"]) == 0
    made = open_dataset(capsys.readouterr().out.split()[-1]).info
    assert made.parent == id and made.times == (0.0, 1.0)
    for line, sentence in (
        (["nope", "subset"], "there is no data set 'nope'"),
        ([id, "fly"], "there is no step 'fly'; there are clusters, "),
        ([id, "subset", "--set", "by=luck"], "must be one of outline, label, time, not 'luck' (setting by)"),
        ([id, "subset", "--set", "by=time"], "all 180 cells would stay"),
    ):
        assert cli.main(["data", "step", *line]) == 2
        printed, message = capsys.readouterr()
        assert sentence in message.splitlines()[-1] and not printed
