"""A stored answer reads back as it was."""

import numpy as np

from cellflow_core.analysis.results import GeneTrend


def test_a_result_survives_the_disk(tmp_path):
    made = GeneTrend(
        gene="<b>Gata1</b>",
        time_unit="day",
        times=np.arange(3.0),
        mean=np.array([1.0, np.nan, 2.0]),
        quantiles=np.zeros((3, 3)),
        measured_times=np.arange(2.0),
        measured_mean=np.ones(2),
        measured_quantiles=np.ones((2, 3)),
        notes=("a sentence", "another"),
    )
    made.save(tmp_path / "trend.npz")
    read = GeneTrend.load(tmp_path / "trend.npz")
    assert read.notes == made.notes and read.gene == made.gene
    np.testing.assert_array_equal(read.mean, made.mean)
