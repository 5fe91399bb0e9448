"""The list of what is kept of a file, in the words of the shell and of the page."""

from __future__ import annotations

import pytest

from cellflow_core.reporting.file_contents import in_page


@pytest.mark.parametrize(
    ("shell", "page"),
    [
        ("to keep it, choose 'X_pca' as axes (--representation obsm:X_pca)", "(“X_pca” as stored in the file)"),
        ("5 features; can be kept as the second modality (--modality 'ATAC')", "(“Second modality of the same cells”)"),
        ("5 coordinates, which can be chosen as axes (obsm:X_pca)", "as axes"),
        ("leave out the genes (--drop-incomplete-genes): 3", "(“Leave out genes with a missing value”): 3"),
        ("leave out the cells (--drop-incomplete): 4", "(“Leave out cells with a missing value”): 4"),
        ("still incomplete (both options)", "(both switches under “How the values are prepared”)"),
    ],
)
def test_the_page_names_its_controls_and_no_option(shell: str, page: str) -> None:
    assert in_page(shell).endswith(page) and "--" not in in_page(shell)
