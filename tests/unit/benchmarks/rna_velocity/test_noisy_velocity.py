"""The benchmark of noisy velocities scores fields beside the velocities that they were given."""

from __future__ import annotations

import json

import noisy_velocity
import numpy as np
import pytest


def test_fields_beat_the_noise_they_were_given(tmp_path):
    out = tmp_path / "rows.json"
    noisy_velocity.main(
        ["--data", "six-gene-circuit", "--models", "dynamo", "--seeds", "0", "--steps", "1", "--out", str(out)]
    )
    rows = json.loads(out.read_text())["rows"]
    assert [each["noise"] for each in rows] == [0.5, 1.0, 2.0]
    assert all(each["cosine_held_out"] > each["cosine_input"] for each in rows)


def test_the_cosine_leaves_out_vectors_of_length_zero():
    a, b = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])
    assert noisy_velocity.cosine(a, b) == pytest.approx(2**-0.5)
