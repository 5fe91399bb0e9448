"""Settings in messages of an import, as the shell and the page name them."""

from __future__ import annotations

import pytest

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.reporting.setting_names import CONTROLS, in_page, in_shell


@pytest.mark.parametrize(
    ("message", "shell", "page"),
    [
        ("cells (`drop_incomplete`): 4", "(--drop-incomplete): 4", "(“Leave out cells with a missing value”): 4"),
        ("join them (`guides=join`)", "(--guides join)", "(“Guides of one target”)"),
        (
            "as axes (`representation=obsm:X_pca`)",
            "(--representation obsm:X_pca)",
            "(“Axes”: “X_pca” as stored in the file)",
        ),
        ("kept (`modality=Gene Activity`)", "(--modality 'Gene Activity')", "(“Second modality of the same cells”)"),
        ("the gene `abc` is unknown", "the gene `abc` is unknown", "the gene `abc` is unknown"),
    ],
)
def test_each_names_its_own(message: str, shell: str, page: str) -> None:
    assert in_shell(message).endswith(shell) and in_page(message).endswith(page)


def test_fields_of_an_import_do_not_take_the_labels_of_methods() -> None:
    labels = {each.name: each.label for each in ImportChoices.settings()}
    assert (labels["label"], labels["values"]) == ("Name", "Values")


def test_every_control_is_a_setting() -> None:
    assert set(CONTROLS) <= {each.name for each in ImportChoices.settings()}
