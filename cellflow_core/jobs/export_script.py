"""A run as a Python script with its cells, which trains the same weights wherever this package is installed; and a run
with its cells as a folder, which scripts of views read."""

from __future__ import annotations

import pprint
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import cellflow_core
from cellflow_core.atomic_write import replacing
from cellflow_core.data.readers.anndata_io import write_snapshots
from cellflow_core.data.store import cell_names
from cellflow_core.jobs.run_context import RunContext, held_out_copies, replicates
from cellflow_core.runs.index import open_run
from cellflow_core.runs.run import Run
from cellflow_core.workspace import access

_SCRIPT = '''"""Train {title} as run {run} ({label}) did: the same cells, settings and seed give the same weights.

Needs Python with cellflow-explorer {version} (pip install .) and {data} beside this file; writes {weights}.
On the same versions, kind of processor and number of threads the weights are the same to the last digit.
"""

import dataclasses
from pathlib import Path

import torch

from cellflow_core.data.readers.anndata_io import read_snapshots
from cellflow_core.data.train_validation_split import earlier_part
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.jobs.device import choose_device
from cellflow_core.models import registry
from cellflow_core.train import checkpoint
from cellflow_core.train.trainer import TrainConfig, fit

HERE = Path(__file__).resolve().parent
MODEL = {model!r}
SETTINGS = {settings}
TRAINING = {training}
SEED = {seed}
HOLD_OUT = {hold_out}  # a time whose cells are kept from training
HOLD_OUT_AFTER = {hold_out_after}  # a time after which nothing measured of individuals is used
DEVICE = {device!r}
FINGERPRINT = {fingerprint!r}  # of the cells in {data}
VERSIONS = {versions}
COUNTS_INTERVALS = {counts_intervals}  # False: networks see measured time


def main() -> None:
    torch.set_num_threads(1)
    data = read_snapshots(HERE / {data!r}, FINGERPRINT)
    if HOLD_OUT is not None:
        data = data.without(HOLD_OUT)
    if HOLD_OUT_AFTER is not None:
        data = earlier_part(Trajectories.from_snapshots(data), HOLD_OUT_AFTER)
    device, name = choose_device(DEVICE)
    print(f"training {{MODEL}} on {{name}}")
    spec = data.spec if COUNTS_INTERVALS else dataclasses.replace(data.spec, positions=())
    model = registry.create(MODEL, SETTINGS, spec, SEED, device)
    training = TrainConfig.from_dict(dict(type(model).default_training) | TRAINING)
    fit(model, data, training, lambda progress: None, None, SEED)
    checkpoint.write(HERE / {weights!r}, model.state_dict())
    print(f"weights in {{HERE / {weights!r}}}")


if __name__ == "__main__":
    main()
'''


def script(run: Run, fingerprint: str, data: str = "data.h5ad", weights: str = "model.pt") -> str:
    """The text of the script. fingerprint: of the cells in the file `data`, which lies beside the script."""
    recipe = run.recipe
    return _SCRIPT.format(
        title=recipe.model,
        run=run.id,
        label=" ".join(run.label.split()).replace("\\", " ").replace('"', "'"),
        version=cellflow_core.__version__,
        model=recipe.model,
        settings=_literal(recipe.settings),
        training=_literal(run.training),
        seed=recipe.seed,
        hold_out=recipe.hold_out,
        hold_out_after=recipe.hold_out_after,
        device=recipe.device,
        fingerprint=fingerprint,
        versions=_literal(recipe.versions),
        counts_intervals=not run.has_spec or bool(run.spec.positions),
        data=data,
        weights=weights,
    )


def write_script(run_id: str, path: Path) -> Path:
    """Write the script to `path`, ending in .py, and its cells beside it; returns the file of the cells.

    Raises KeyError where the run or its data set is gone, ValueError where the data set has changed since,
    NotAllowedError where either was shared for looking only.
    """
    run = open_run(run_id)
    run.require_copy()
    subject = RunContext(run)
    data = subject.data
    cells = path.with_name(f"{path.stem}-data.h5ad")
    write_snapshots(cells, data, cell_names=cell_names.read(subject.dataset))
    path.write_text(script(run, data.fingerprint, cells.name, f"{path.stem}-model.pt"), encoding="utf-8")
    return cells


def write_archive(run_id: str, path: str) -> None:
    """Script and cells in one .zip, for a download."""
    with TemporaryDirectory(prefix="cellflow-script-") as folder:
        made = Path(folder) / "train.py"
        cells = write_script(run_id, made)
        with replacing(Path(path)) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in (made, cells):
                archive.write(each, each.name)


def write_home(run_id: str, path: str) -> None:
    """A run, its other seeds, its copies without a time, and their data set, as the folder `home` of a .zip.

    Who may open them here is left out. Raises KeyError where the run or its data set is gone, ValueError where the data
    set has changed since, NotAllowedError where one of them was shared for looking only.
    """
    run = open_run(run_id)
    runs = (run, *replicates(run), *held_out_copies(run))
    for each in runs:
        each.require_copy()
    with replacing(Path(path)) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, run.dataset().folder, "data", without=(access.FILE,))
        for each in runs:
            _add(archive, each.folder, "runs", without=_LEFT_BEHIND)


def _add(archive: zipfile.ZipFile, folder: Path, room: str, without: tuple[str, ...]) -> None:
    for each in sorted(folder.rglob("*")):
        inside = each.relative_to(folder)
        if each.is_file() and inside.parts[0] not in without:
            archive.write(each, Path("home", room, folder.name, inside))


_LEFT_BEHIND = ("views", "checkpoints", access.FILE)
"""Of a run, what only this workspace needs: stored answers, what a training would go on from, who may open it."""


def _literal(values: object) -> str:
    """As Python, a line each."""
    return pprint.pformat(dict(values), width=110, sort_dicts=False)  # type: ignore[call-overload]
