"""Settings of an import in messages: written `name` or `name=value`, shown as an option or as a control of the page."""

from __future__ import annotations

import re
import shlex

from cellflow_core.data.importing.import_choices import ImportChoices

CONTROLS = {
    "control_labels": "Controls",
    "drop_incomplete": "Leave out cells with a missing value",
    "drop_incomplete_genes": "Leave out genes with a missing value",
    "guides": "Guides of one target",
    "modality": "Second modality of the same cells",
    "representation": "Axes",
}
"""Setting -> the label of its control on the import page."""
_NAMES = "|".join(each.name for each in ImportChoices.settings())
_MARKED = re.compile(rf"`(?P<name>{_NAMES})(?:=(?P<value>[^`]*))?`")


def in_shell(text: str) -> str:
    """A message with options of the command line: "--modality ATAC" for `modality=ATAC`."""
    return _MARKED.sub(_option, text)


def in_page(text: str) -> str:
    """A message with controls of the import page: “Leave out cells with a missing value” for `drop_incomplete`."""
    return _MARKED.sub(_control, text)


def _option(found: re.Match[str]) -> str:
    option = "--" + found["name"].replace("_", "-")
    return option if found["value"] is None else f"{option} {shlex.quote(found['value'])}"


def _control(found: re.Match[str]) -> str:
    label = f"“{CONTROLS.get(found['name'], found['name'])}”"
    if found["name"] == "representation" and found["value"]:
        return f"{label}: “{found['value'].removeprefix('obsm:')}” as stored in the file"
    return label
