"""The script of every view runs in a fresh process, elsewhere, and gives the numbers of the view."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellflow_core.analysis.courses.regimen import Plan, Regimen
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.export_script import write_home
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.reporting.views.catalog import VIEWS
from cellflow_core.reporting.views.script import view_script
from cellflow_core.reporting.views.view import Asked
from cellflow_core.reporting.views.write import write
from cellflow_core.runs.index import open_run
from tests import ROOT, toy_pk, toys
from tests.contract import cells

TO = 1e-6
ONE_STEP = {"steps": 1}
RUN_ALL = "import runpy, sys\nfor each in sys.argv[1:]: runpy.run_path(each, run_name='__main__')"


def genes() -> Snapshots:
    """Three genes that part into two kinds, with clones and knock-outs of two of the genes."""
    rng = np.random.default_rng(0)
    t, kind = np.repeat([0.0, 1.0, 2.0], 60), np.tile(np.repeat([0, 1], 30), 3)
    x = 2 + rng.normal(0, 0.5, (180, 3)) + np.stack([t, t * (2 * kind - 1), -0.5 * t], axis=1)
    labels = {"kind": np.where(t < 1, "early", np.where(kind == 1, "up", "down"))}
    which = np.arange(180) % 3
    design = {gene: (which == k).astype(float) for k, gene in enumerate("AB", start=1)}
    space = AffineSpace.of_genes(("A", "B", "C"))
    channels = {"perturbation": design, "lineage": np.tile(np.arange(60) // 5, 3)}
    return Snapshots(x, t, space, "day", labels=labels, channels=channels)


def asked() -> list[tuple[str, str, dict[str, Any]]]:
    """Every question there is, of small runs."""
    drug = "concentration (mg/L)"
    data = toys.stored(genes())
    field = toys.finished(toys.recipe(data, group="g")).id
    held = toys.finished(toys.recipe(data, group="g", hold_out=1.0)).id
    toys.finished(toys.recipe(data, group="g", seed=1))
    moments = toys.stored(dataclasses.replace(cells.moments(120), labels={"batch": np.repeat(["1", "2"], 60)}))
    rna = toys.finished(toys.recipe(moments, model="steady-state", settings={}, training=ONE_STEP)).id
    fitted = toys.finished(toys.recipe(moments, model="velovi", settings={}, training=ONE_STEP)).id
    order = toys.finished(toys.recipe(data, model="slingshot", settings={"annotation": "kind"}, training=ONE_STEP)).id
    equations = toys.finished(toys.recipe(data, model="flecs", settings={}, training=ONE_STEP)).id
    chain = toys.finished(toys.recipe(data, model="pba", settings={}, training=ONE_STEP)).id
    study = toys.stored(toy_pk.study(subjects=8, n_times=5).to_snapshots())
    people = toys.finished(toys.recipe(study, model="linear-course", settings={}, training=ONE_STEP)).id
    level = {"response": "level"}
    drugs = toys.finished(toys.recipe(study, model="population-pk", settings=level, training=ONE_STEP)).id
    square = ((-9.0, -9.0), (9.0, -9.0), (9.0, 9.0), (-9.0, 9.0))
    plan = Plan("twice a day", (Regimen(20.0, interval=12.0, number=2),))
    return [
        ("landscape", field, {"roll": square, "by": "kind", "roll_label": ("kind", "early")}),
        ("moving_landscape", field, {"roll": square, "by": "kind", "roll_label": ("kind", "early")}),
        ("barriers", field, {"by": "kind"}),
        ("chain_landscape", chain, {"roll": square, "by": "kind"}),
        ("flow", field, {"time": 0.5}),
        ("fixed_points", field, {"time": 0.5}),
        ("field_derivatives", field, {"time": 0.5}),
        ("velocity", rna, {}),
        ("group_velocities", rna, {"by": "batch"}),
        ("phase_portrait", rna, {"gene": "A"}),
        ("permutation_scores", fitted, {"by": "batch"}),
        ("course", field, {"start": "previous"}),
        ("trend", field, {"gene": "B"}),
        ("fates", field, {"states": "kind"}),
        ("transition_fates", field, {"states": "kind", "ends": ("up", "down"), "start": "early"}),
        ("fate_genes", field, {"states": "kind", "ends": ("up", "down")}),
        ("fate_influence", field, {"states": "kind", "ends": ("up", "down")}),
        ("latent_time", order, {}),
        ("lineages", order, {}),
        ("branches", order, {}),
        ("gene_network", field, {"by": "kind", "group": "up"}),
        ("gene_equations", equations, {}),
        ("futures", field, {"polygon": square, "count": 20}),
        ("clones", field, {"by": "kind", "a": "up", "b": "down"}),
        ("ancestry", field, {"label": ("kind", "up"), "by": "kind"}),
        ("composition", field, {"by": "kind"}),
        ("fate_trends", field, {"gene": "B", "states": "kind"}),
        ("perturb", field, {"genes": ("B",), "states": "kind"}),
        ("screen", field, {"genes": ("A", "B"), "states": "kind"}),
        ("knock_outs", field, {}),
        ("scores", held, {}),
        ("individual_fits", people, {"variable": drug, "individuals": (0, 1)}),
        ("individual_parameters", drugs, {}),
        ("plans", people, {"variable": drug, "plans": (plan.plain,)}),
        ("predictive_check", people, {"variable": drug}),
        ("prediction_errors", people, {"variable": drug}),
        ("forecast", people, {"variable": drug}),
    ]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder for each question as the app answers it, and as one fresh process that runs all scripts does."""
    here, away = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("away")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLFLOW_HOME", str(here / "home"))
        for name, run, settings in asked():
            found = analysis_cache.answer(name, run, **settings)
            subject = RunContext(open_run(run))
            write(found, VIEWS[name][1](found, Asked(subject.dataset, settings)), here / name)
            (away / name).mkdir()
            (away / name / "view.py").write_text(view_script([(name, run, settings)]))
            write_home(run, str(here / "run.zip"))
            with zipfile.ZipFile(here / "run.zip") as archive:
                archive.extractall(away / name)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(away)}
    environment["NUMBA_NUM_THREADS"] = "1"
    scripts = [str(each) for each in sorted(away.glob("*/view.py"))]
    line = [sys.executable, "-c", RUN_ALL, *scripts]
    ran = subprocess.run(line, cwd=away, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return here, away


@pytest.mark.parametrize("question", list(analysis_cache.QUESTIONS))
def test_the_script_of_a_view_gives_its_numbers(question: str, folders: tuple[Path, Path]):
    here, away = folders[0] / question, folders[1] / question / "shown" / f"1-{question}"
    assert sorted(each.name for each in here.iterdir()) == sorted(each.name for each in away.iterdir())
    ours, theirs = (np.load(each / "answer.npz") for each in (here, away))
    assert ours.files == theirs.files
    for name in ours.files:
        if name == "__plain__":
            assert equal(json.loads(str(theirs[name])), json.loads(str(ours[name])))
        else:
            np.testing.assert_allclose(theirs[name], ours[name], rtol=TO, atol=TO, err_msg=name)
    for table in here.glob("*.csv"):
        assert same(table, away / table.name), table.name


def same(ours: Path, theirs: Path) -> bool:
    """Whether two tables hold the same words, and the same numbers."""
    return equal(*(list(csv.reader(each.read_text().splitlines())) for each in (ours, theirs)))


def equal(a: Any, b: Any) -> bool:
    """The same in every part; numbers, and texts that are numbers, to 1e-6."""
    if isinstance(a, list | dict):
        inside = a.values() if isinstance(a, dict) else a
        return len(a) == len(b) and all(map(equal, inside, b.values() if isinstance(b, dict) else b))
    return a == b or bool(np.isclose(float(a), float(b), rtol=TO, atol=TO, equal_nan=True))


def test_every_question_has_a_view():
    assert set(VIEWS) == set(analysis_cache.QUESTIONS)


def test_a_label_cannot_break_the_script():
    run = toys.finished(toys.recipe(toys.stored(), label='a """ label \\ of\nlines'))
    text = view_script([("course", run.id, {}), ("course", run.id, {})])
    compile(text, "view.py", "exec")
    assert text.count("('course'") == 1
