"""The program that drives pictures of many cells: what it prints of what it has measured."""

from __future__ import annotations

import views


def test_medians_and_opened_pages_are_printed():
    rows = [{"ms": float(k), "server_ms": 2.0 * k, "bytes": 1000.0 * k} for k in range(1, 22)]
    found = {
        "cells": 100_000,
        "drawn_by": "software",
        "changes": {"gene": views.summary(rows)},
        "opened": {"data": {"seconds": 1.5, "heap_mb": 20.0}},
    }
    lines = views.table(found).splitlines()
    assert lines[0] == "100,000 cells, drawn by software"
    assert lines[3].split() == ["gene", "11", "20", "22", "40", "11", "20"]
    assert lines[4] == "data: seconds 1.5, heap_mb 20"
