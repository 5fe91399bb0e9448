"""README and docs: length, links, figures, and nothing of the machine they were written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cellflow_core.data.snapshots import CHANNELS, DataRequirement
from cellflow_core.models import registry
from cellflow_core.models.capabilities import CAPABILITIES

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))
IMAGES = ROOT / "docs" / "images"
"""Screenshots are taken from the running app: a .png of this folder may be missing."""
MAX_WORDS = 900
FAMILIES = (
    "flow_matching",
    "bridges",
    "potentials",
    "neural_ode",
    "unbalanced",
    "couplings",
    "rna_velocity",
    "ensembles",
    "pseudotime",
    "regulatory",
    "longitudinal",
)

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.MULTILINE)
FIGURE = re.compile(r"[\w./-]+\.(?:png|jpe?g|gif|svg|webp)\b")
WORKPLACE = re.compile(r"(?<![\w.])/(?:work|tmp)/")
FENCE = re.compile(r"^\s*(?:```|~~~).*?^\s*(?:```|~~~)", re.MULTILINE | re.DOTALL)


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = heading.strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    text = FENCE.sub("", _text(page))
    return {_slug(each) for each in HEADING.findall(text)}


def _may_be_missing(file: Path) -> bool:
    return file.suffix == ".png" and file.parent == IMAGES


def _targets(page: Path) -> list[tuple[Path, str]]:
    """(file, anchor) of every relative link of a page."""
    found = []
    for link in LINK.findall(_text(page)):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        found.append(((page.parent / path).resolve() if path else page, anchor))
    return found


def test_readme_is_short() -> None:
    words = len(_text(README).split())
    assert words <= MAX_WORDS, f"README has {words} words, at most {MAX_WORDS} are meant: move details to docs/"


def test_every_family_has_a_page() -> None:
    missing = [each for each in FAMILIES if not (ROOT / "docs" / "methods" / f"{each}.md").exists()]
    assert not missing


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "index.md"], ids=_name)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_model_stands_in_the_row_of_its_family(page: Path, family: str) -> None:
    row = next(line for line in _text(page).splitlines() if line.startswith("|") and f"methods/{family}.md)" in line)
    assert sorted(re.findall(r"`([a-z0-9-]+)`", row)) == sorted(
        each for each in registry.names() if registry.family(each) == family
    )


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_relative_links_lead_to_files(page: Path) -> None:
    broken = [file.as_posix() for file, _ in _targets(page) if not file.exists() and not _may_be_missing(file)]
    assert not broken, f"{_name(page)} links to {broken}, which are not there"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_anchors_lead_to_headings(page: Path) -> None:
    broken = [
        f"{_name(file)}#{anchor}"
        for file, anchor in _targets(page)
        if anchor and file.suffix == ".md" and file.exists() and anchor not in _anchors(file)
    ]
    assert not broken, f"{_name(page)} links to {broken}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_figures_exist(page: Path) -> None:
    named = {each for each in FIGURE.findall(_text(page)) if "://" not in each}
    missing = [
        each
        for each in sorted(named)
        for places in [((page.parent / each).resolve(), (ROOT / each).resolve())]
        if not any(place.exists() or _may_be_missing(place) for place in places)
    ]
    assert not missing, f"{_name(page)} names the figures {missing}, which are not there"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_nothing_of_the_workplace(page: Path) -> None:
    found = WORKPLACE.findall(_text(page))
    assert not found, f"{_name(page)} names paths of the machine it was written on"


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {file for file, _ in _targets(index)}
    missing = [_name(page) for page in PAGES if page != index and page not in linked]
    assert not missing, f"docs/index.md does not link to {missing}"


@pytest.mark.parametrize("name", [*CHANNELS, *CAPABILITIES, *(each.name for each in DataRequirement)])
def test_contracts_are_documented(name: str) -> None:
    assert f"`{name}`" in _text(ROOT / "docs" / "contracts.md")
