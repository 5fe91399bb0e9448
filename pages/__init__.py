"""The pages of the app, one thin script each, and the parts they share.

Streamlit takes a folder of this name for its older kind of app until `st.navigation` has run once in the server: a link
straight to a page of a fresh server would open that page without the frame of `app.py`. Whoever comes first imports
this, turns the older kind off, and starts over.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

older = PagesManager.uses_pages_directory
PagesManager.uses_pages_directory = False
if older:
    st.rerun()
