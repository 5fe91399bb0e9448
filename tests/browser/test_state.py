"""All pages twice, with two data sets and two models: box, answer, link and figure speak of the same model."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.test_main_job import drawn, go, settled

pytestmark = pytest.mark.browser

FIGURES = {
    "Landscape": "landscape_3d",
    "Flow": "flow_lines",
    "Time": "time_cells",
    "Fates": "fates_shares",
    "Genes": "genes_trend",
    "Perturb": "perturb_sides",
}


def chosen(page: Page, box: str = "pick_run") -> str:
    return page.locator(f".st-key-{box} input").first.input_value()


def link(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def answer(page: Page) -> str:
    return page.locator(".st-key-headline h2").first.inner_text()


def draw_a_box(page: Page, figure: str) -> None:
    """Around the middle of a figure, until the link holds another outline."""
    before = link(page).get("outline")
    plot = page.locator(f'[class*="{figure}"] .js-plotly-plot').first
    plot.hover()
    plot.locator('[data-title="Box Select"]').click()
    place = plot.locator(".nsewdrag").first.bounding_box()
    assert place is not None
    corners = [(place["x"] + part * place["width"], place["y"] + part * place["height"]) for part in (0.2, 0.5, 0.8)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=5)
    page.mouse.up()
    page.wait_for_function(
        "before => new URLSearchParams(location.search).get('outline') !== before", arg=(before or [None])[0]
    )


def test_every_page_shows_the_model_that_its_box_names(page: Page, server: str, small_runs: dict[str, str]):
    pictures: dict[str, set[str]] = {name: set() for name in FIGURES}
    for run, label in small_runs.items():
        page.goto(f"{server}/flow?run={run}")
        settled(page)
        for _ in range(2):
            for name, figure in FIGURES.items():
                go(page, name)
                traces = drawn(page, figure)
                settled(page)
                assert chosen(page).startswith(label) and link(page)["run"] == [run], name
                pictures[name].add(f"{len(traces)} {sum(each['x']['finite'] for each in traces)} {answer(page)}")
        go(page, "Data")
        settled(page)
        assert chosen(page, "pick_dataset").startswith(label.split(" · ")[1])
    assert all(len(found) == 2 for found in pictures.values()), pictures


def test_choices_made_before_the_server_has_answered_are_all_kept(page: Page, server: str, small_runs: dict[str, str]):
    """The second one is sent with the link from before the first."""
    waiting: list[str | bytes] | None = None
    browser: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        answers = socket.connect_to_server()
        browser.append(socket)
        socket.on_message(answers.send)
        answers.on_message(lambda each: socket.send(each) if waiting is None else waiting.append(each))

    page.route_web_socket("**/_stcore/stream", connect)
    page.goto(f"{server}/flow?run={next(iter(small_runs))}&time=1")
    drawn(page, "flow_lines")
    settled(page)
    waiting = []
    page.locator(".st-key-time_shown").get_by_role("slider").press("ArrowRight")
    page.wait_for_timeout(1000)
    page.locator(".st-key-style").get_by_text("Grid").click()
    page.wait_for_timeout(1000)
    late, waiting = waiting, None
    for each in late:
        browser[-1].send(each)
    page.wait_for_url("**time=1.25**")
    settled(page)
    assert (link(page)["time"], link(page)["style"]) == (["1.25"], ["Grid"])
    expect(page.locator(".st-key-style [aria-checked=true]")).to_have_text("Grid")


def test_navigation_back_and_another_tab_keep_the_state(
    page: Page, chromium: Browser, server: str, small_runs: dict[str, str]
):
    run = list(small_runs)[1]
    page.goto(f"{server}/landscape?run={run}&time=4.5&outline=pca+-1,-1+1,-1+1,1+-1,1")
    drawn(page, "landscape_3d")
    settled(page)
    expect(page.get_by_text(re.compile(r"\d+ cells outlined"))).to_be_visible()
    go(page, "Flow")
    settled(page)
    kept = {"run": [run], "time": ["4.5"], "outline": ["pca -1,-1 1,-1 1,1 -1,1"]}
    assert link(page) == kept and "day 4.5" in answer(page)
    draw_a_box(page, "flow_lines")
    settled(page)
    kept["outline"] = link(page)["outline"]
    go(page, "Perturb")
    settled(page)
    assert link(page)["outline"] == kept["outline"]
    page.go_back()
    page.get_by_role("heading", name="Flow", exact=True, level=1).wait_for()
    settled(page)
    assert link(page) == kept and chosen(page).startswith(small_runs[run])
    page.get_by_role("link", name="Landscape", exact=True).first.wait_for()
    there = page.get_by_role("link", name="Landscape", exact=True).first.get_attribute("href") or ""
    other = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    other.goto(there if there.startswith("http") else f"{server}/{there.lstrip('/')}")
    drawn(other, "landscape_3d")
    assert chosen(other).startswith(small_runs[run]) and link(other)["time"] == ["4.5"]
    expect(other.get_by_text(re.compile(r"\d+ cells outlined"))).to_be_visible()
    other.context.close()


def test_keys_turn_the_landscape_and_the_link_keeps_how_it_is_looked_at(
    page: Page, server: str, small_runs: dict[str, str]
):
    page.goto(f"{server}/landscape?run={list(small_runs)[1]}&on=Paths")
    traces = drawn(page, "landscape_3d")
    assert "paths of simulated cells" in [each["name"] for each in traces]
    settled(page)
    scene = page.locator(".cellflow-scene")
    scene.focus()
    before = page.evaluate(CAMERA_EYE)
    scene.press("ArrowLeft")
    page.wait_for_function(f"before => ({CAMERA_EYE}).x !== before.x", arg=before)
    page.wait_for_function("() => location.search.includes('camera=')")
    settled(page)
    go(page, "Flow")
    settled(page)
    go(page, "Landscape")
    settled(page)
    assert link(page)["on"] == ["Paths"] and "camera" in link(page)


CAMERA_EYE = "document.querySelector('.cellflow-scene')._fullLayout.scene.camera.eye"


def test_own_data_open_the_upload(page: Page, server: str):
    page.goto(server)
    settled(page)
    page.get_by_role("button", name="Use my own data").click()
    expect(page.locator(".st-key-upload input[type=file]")).to_be_attached()
