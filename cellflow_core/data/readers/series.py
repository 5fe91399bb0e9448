"""Time series of PHOENIX: a line `genes,samples`, then for each sample a row of values a gene and a row of times."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.data.readers.table import InvalidInputError, Table


def of_frame(frame: Any, names: tuple[str, ...], name: str) -> Table | None:
    """One row a sample and time; None where the first line does not announce this layout."""
    import pandas as pd

    if names or frame.shape[1] < 3 or frame.iloc[0, 2:].notna().any() or frame.iloc[0, :2].isna().any():
        return None
    genes, samples = (int(each) for each in frame.iloc[0, :2])
    body = frame.iloc[1:].to_numpy(dtype=np.float64)
    if genes < 1 or samples < 1 or len(body) != samples * (genes + 1):
        raise InvalidInputError(
            f"{name} announces {genes} genes in {samples} samples and has {len(body)} lines of values where "
            f"{samples * (genes + 1)} are expected (a line a gene and one with the times): it may have been cut short"
        )
    blocks = body.reshape(samples, genes + 1, -1)
    seen = np.isfinite(blocks[:, -1])
    x = np.concatenate([block[:-1, kept].T for block, kept in zip(blocks, seen, strict=True)])
    obs = pd.DataFrame(
        {
            "time": blocks[:, -1][seen],
            "subject": np.repeat([f"sample {k + 1}" for k in range(samples)], seen.sum(axis=1)),
        }
    )
    note = ("the file names no genes, so they are numbered in its order",)
    return Table("series", x, tuple(f"gene {k + 1}" for k in range(genes)), obs, notes=note)
