"""The page frame and the navigation: what every page shows around itself."""

import secrets
from pathlib import Path

import streamlit as st

from cellflow_core.jobs import analysis_pool, supervisor
from pages.parts.server import sign_in
from pages.parts.training import tour
from pages.parts.views import take_along
from pages.parts.widgets import chart, history, sharing, sides, state

ASSETS = Path(__file__).parents[1] / "assets"
ICONS = ASSETS / "icons"

PAGES = {
    "": [("home", "Home", ":material/home:"), ("learn", "Learn", ":material/school:")],
    "Prepare": [
        ("data", "Data", ":material/table_chart:"),
        ("train", "Train", ":material/model_training:"),
        ("runs", "Runs", ":material/list_alt:"),
        ("compare", "Compare", ":material/leaderboard:"),
    ],
    "Explore": [
        ("landscape", "Landscape", ":material/landscape:"),
        ("flow", "Flow", ":material/air:"),
        ("velocity", "Velocity", ":material/trending_up:"),
        ("time", "Time", ":material/schedule:"),
        ("fates", "Fates", ":material/call_split:"),
        ("genes", "Genes", ":material/genetics:"),
        ("perturb", "Perturb", ":material/science:"),
        ("courses", "Courses", ":material/medication:"),
    ],
}

# pages whose views are offered as a script and as a report
TAKEN_ALONG = ("compare", *(name for name, _, _ in PAGES["Explore"]))

st.set_page_config(page_title="CellFlow Explorer", page_icon=str(ICONS / "icon.svg"), layout="wide")
st.logo(str(ICONS / "logo.svg"), icon_image=str(ICONS / "icon.svg"), size="large")
sign_in.enter()
shown = PAGES | ({"Look after": [("admin", "Server", ":material/dns:")]} if sign_in.is_admin() else {})
pages = {
    name: st.Page(f"{name}.py", title=title, icon=icon, default=name == "home")
    for each in shown.values()
    for name, title, icon in each
}
page = st.navigation(list(pages.values()), position="hidden")
name_shown = next(name for name, each in pages.items() if each is page)
sharing.take_link()
state.enter(name_shown)
links, settings = st.sidebar.empty(), st.sidebar.container()


def chosen() -> dict[str, dict[str, str | list[str]]]:
    """What each page is opened on."""
    return {name: state.link(name) for name in pages}


def show_links(held: dict[str, dict[str, str | list[str]]]) -> None:
    """The pages by section, each with what is chosen, so that it opens on it, in a new tab too."""
    with links.container(gap="small"):
        for section, each in shown.items():
            with st.container(gap="xsmall"):
                if section:
                    st.markdown(f"**{section}**")
                for name, _, _ in each:
                    st.page_link(pages[name], query_params=held[name])


st.html(ASSETS / "style.css")
at_first = chosen()
show_links(at_first)
with settings:
    chart.choose_format()
    chart.follow_theme()
    sign_in.show()
analysis_pool.visitor.set(st.session_state.setdefault("visitor", secrets.token_hex(4)))
supervisor.wake()
asked: list[analysis_pool.Question] = []
analysis_pool.asked.set(asked)
history.begin()
tour.show(name_shown)
try:
    sides.run(page, name_shown)
    history.settle()
finally:
    state.remember(name_shown)
    if name_shown in TAKEN_ALONG:
        take_along.show(asked)
    if chosen() != at_first:  # the page may have chosen another run or data set
        show_links(chosen())
