"""How long a training will take."""

import pytest

from cellflow_core.selection import training_time
from cellflow_core.selection.training_time import estimate
from tests.toys import SMALL, stored


def test_an_estimate_of_a_short_training_is_its_time_and_a_long_one_takes_longer():
    data = stored()
    short = estimate("i-cfm", SMALL, {"steps": 4, "batch_size": 8}, data, 0.1)
    long = estimate("i-cfm", SMALL, {"steps": 100_000, "batch_size": 8}, data, 0.1)
    assert 0 < short < long


def test_an_estimate_refuses_settings_with_a_sentence():
    with pytest.raises(ValueError, match="wide"):
        estimate("i-cfm", {"wide": 1}, {}, stored())


def test_phases_of_another_speed_count_by_their_own():
    seen = [("slow", 2, 1.0), ("slow", 4, 3.0), ("fast", 6, 3.2), ("fast", 8, 3.4)]
    found = training_time._extrapolated(seen, {"slow": 10, "fast": 100, "not seen": 10})
    assert found == pytest.approx(1.0 + 0.2 + 10 * 1.0 + 100 * 0.1 + 10 * 0.55)
