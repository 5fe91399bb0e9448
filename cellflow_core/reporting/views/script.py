"""The Python script that makes views again: every answer calculated anew, as numbers and figures."""

from __future__ import annotations

import pprint
from collections.abc import Mapping, Sequence
from typing import Any

import cellflow_core
from cellflow_core.runs.index import open_run

_SCRIPT = '''"""Make again what was shown of {runs}: numbers and figures.

Needs Python with cellflow-explorer {version} (pip install .), and the runs with their cells: in the folder `home`
beside this file, where it was unpacked from "Run with its cells (zip)", else in the folder of CELLFLOW_HOME.
Each answer is calculated anew. Tables (.csv), figures (view.html) and all arrays (.npz) are written to `shown` beside
this file. On the same versions and kind of processor the numbers are the same.
"""

import os
from pathlib import Path

import torch

from cellflow_core.reporting.views.write import calculated, write
from cellflow_core.workspace import Workspace

HERE = Path(__file__).resolve().parent
HOME = HERE / "home"
VIEWS = {views}  # question, run, settings


def main() -> None:
    torch.set_num_threads(1)
    workspace = Workspace(HOME) if HOME.is_dir() else Workspace.from_environment(os.environ)
    for number, (question, run, settings) in enumerate(VIEWS, start=1):
        answer, view = calculated(question, run, settings, workspace)
        for path in write(answer, view, HERE / "shown" / f"{{number}}-{{question}}"):
            print(path)


if __name__ == "__main__":
    main()
'''


def view_script(asked: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    """The text of the script. asked: (question, id of the run, settings) of each view, those asked twice once.

    Raises KeyError where a run is gone.
    """
    views: list[tuple[str, str, dict[str, Any]]] = []
    for question, run, settings in asked:
        if (each := (question, run, dict(settings))) not in views:
            views.append(each)
    labels = {run: open_run(run).label for _, run, _ in views}
    words = (f"run {run} ({_harmless(label)})" for run, label in labels.items())
    return _SCRIPT.format(
        runs=", ".join(words),
        version=cellflow_core.__version__,
        views=pprint.pformat(views, width=110, sort_dicts=False),
    )


def _harmless(label: str) -> str:
    """A label inside a docstring."""
    return " ".join(label.split()).replace("\\", " ").replace('"', "'")
