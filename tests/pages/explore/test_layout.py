"""Where a view puts what: the answer, the picture, the controls, the notes."""

from __future__ import annotations

from typing import Any

import pytest

from cellflow_core.runs.run import Run
from tests.pages.test_views import asked, opened, run  # noqa: F401  (fixtures)


@pytest.mark.parametrize("name", ["landscape", "flow", "time", "fates", "perturb"])
def test_the_answer_and_the_picture_stand_before_the_controls(name: str, run: Run) -> None:  # noqa: F811
    page = opened(name, run=run.id)
    drawn = [each.type for each in leaves(page.main) if getattr(each, "key", "") != "beside_shown"]
    picture = min(drawn.index(each) for each in ("plotly_chart", "bidi_component") if each in drawn)
    assert picture < drawn.index("selectbox") < drawn.index("expander")
    assert sum(each.startswith("##") for each in (text.value for text in page.markdown[:3])) == 1


def leaves(block: Any) -> list[Any]:
    """Elements and expanders of a page from top to bottom."""
    if not hasattr(block, "children"):
        return [block]
    own = [block] if block.type == "expander" else []
    return own + [leaf for child in block.children.values() for leaf in leaves(child)]
