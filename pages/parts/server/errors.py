"""What a page says when its script fails: one sentence. Streamlit writes the traceback to the log of the server."""

from __future__ import annotations

import streamlit as st

from cellflow_core.jobs.error_messages import USER_FACING_ERRORS, user_message
from cellflow_core.reporting.formatting import as_sentence, plain

UNEXPECTED = "This page could not be shown to its end. Reload it to try again; the log of the server has the details."


def show(error: Exception) -> bool:
    """One sentence in place of the traceback. True: Streamlit shows nothing of its own."""
    message = user_message(error)
    for_people = isinstance(error, (*USER_FACING_ERRORS, OSError, MemoryError)) and not message.startswith(
        type(error).__name__
    )
    st.error(plain(as_sentence(message)) if for_people else UNEXPECTED, icon=":material/error:")
    return True
