"""The import guide of a table of individuals: what was found, and the unit of its times; nothing else is decided."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.reporting.setting_names import in_page
from pages.parts.importing import quality, time
from pages.parts.importing.form import ImportForm, Values


def individuals(found: Any, draft: ImportForm) -> tuple[Values, bool]:
    """(choices, can the import go on)."""
    st.markdown("### 1. What was found")
    st.markdown(f"**{plain(found.individuals)}**")
    for note in found.notes:
        st.info(plain(as_sentence(in_page(note))), icon=":material/info:")
    quality.contents(found.contents, "import_contents")
    st.markdown("### 2. In which unit are the times?")
    known = {each.column: each for each in found.candidates}
    candidate = known.get(draft.values["time_column"], found.candidates[0])
    unit = time.unit_of(candidate, draft, st)
    return draft.values | {"time_column": candidate.column, "unit": unit, "windows": 0}, unit is not None
