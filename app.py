"""The server: `streamlit run app.py`. Its pages are in `pages/`, its other addresses in `pages/parts/server/`."""

import streamlit as st

from pages.parts.server import errors, lifespan, middleware, routes, sign_in

app = st.App(
    "pages/frame.py",
    routes=routes.routes(),
    lifespan=lifespan.lifespan,
    middleware=middleware.middleware(),
    on_script_error=errors.show,
    secrets=sign_in.secrets(),
)
