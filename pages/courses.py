"""What becomes of individuals, and of their measurements under other doses?"""

import streamlit as st

from pages.parts.views import view
from pages.parts.views.courses import checks, fits, forecasts, individuals, parameters, regimens
from pages.parts.widgets import side, sides

sides.heading("Courses", "What becomes of individuals, and what would become of them under other doses?")
place = view.layout()
with st.container():
    view.texts("courses")
with place.controls:
    look = individuals.choose()
    run = individuals.choose_run(look.info)
if run is None:
    individuals.show_measurements(look, place)
    side.stop()
parts = {"fits": "Individuals", "regimens": "Two regimens", "treatments": "Other treatments"}
parts |= {"parameters": "Parameters"} if "individual_parameters" in view.capabilities(run) else {}
parts |= {"checks": "Checks", "forecasts": "Forecasts"}
with place.controls:
    part = view.options("Question", "part", parts)
if part == "fits":
    fits.show(run, look, place)
elif part == "regimens":
    regimens.show(run, look, place)
elif part == "treatments":
    regimens.show_treatments(run, look, place)
elif part == "parameters":
    parameters.show(run, place)
elif part == "checks":
    checks.show(run, look, place)
else:
    forecasts.show(run, look, place)
