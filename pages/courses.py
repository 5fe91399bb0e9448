"""What becomes of individuals, and of their measurements under other doses?"""

import streamlit as st

from pages.parts.views import view
from pages.parts.views.courses import checks, fits, forecasts, individuals, regimens

view.heading("Courses", "What becomes of individuals, and what would become of them under other doses?")
view.texts("courses")
look = individuals.choose()
run = individuals.choose_run(look.info)
if run is None:
    individuals.show_measurements(look)
    st.stop()
parts = {
    "fits": "Individuals",
    "regimens": "Two regimens",
    "treatments": "Other treatments",
    "checks": "Checks",
    "forecasts": "Forecasts",
}
part = view.options("Question", "part", parts)
if part == "fits":
    fits.show(run, look)
elif part == "regimens":
    regimens.show(run, look)
elif part == "treatments":
    regimens.show_treatments(run, look)
elif part == "checks":
    checks.show(run, look)
else:
    forecasts.show(run, look)
