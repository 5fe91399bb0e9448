"""The page frame and the navigation: what every page shows around itself."""

from pathlib import Path

import streamlit as st

from pages.parts.widgets import chart

ICONS = Path(__file__).parents[1] / "assets" / "icons"

PAGES = {
    "": [("home", "Home", ":material/home:")],
    "Prepare": [
        ("data", "Data", ":material/table_chart:"),
        ("train", "Train", ":material/model_training:"),
        ("runs", "Runs", ":material/list_alt:"),
        ("compare", "Compare", ":material/leaderboard:"),
    ],
    "Explore": [
        ("landscape", "Landscape", ":material/landscape:"),
        ("flow", "Flow", ":material/air:"),
        ("time", "Time", ":material/schedule:"),
        ("fates", "Fates", ":material/call_split:"),
        ("perturb", "Perturb", ":material/science:"),
    ],
}

st.set_page_config(page_title="CellFlow Explorer", page_icon=str(ICONS / "icon.svg"), layout="wide")
st.logo(str(ICONS / "logo.svg"), icon_image=str(ICONS / "icon.svg"), size="large")
page = st.navigation(
    {
        section: [st.Page(f"{name}.py", title=title, icon=icon, default=name == "home") for name, title, icon in each]
        for section, each in PAGES.items()
    },
    expanded=True,
)
chart.choose_format()
page.run()
