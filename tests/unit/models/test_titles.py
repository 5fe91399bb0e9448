"""A model that departs from its paper is titled after it."""

from __future__ import annotations

import re
import sys

import pytest

from cellflow_core.models import registry

DEPARTS = re.compile(
    r"\bdepart(s|ures?) from the paper\b|^Departures: |\bOurs, not in the paper", re.IGNORECASE | re.MULTILINE
)


@pytest.mark.parametrize("name", registry.names())
def test_a_model_that_departs_from_its_paper_is_titled_after_it(name: str):
    kind = registry.find(name)
    departs = DEPARTS.search(sys.modules[kind.__module__].__doc__ or "")
    assert ("(after " in kind.title) >= bool(departs), f"{kind.title}: its text says {departs}"
