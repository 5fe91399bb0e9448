"""Numbers, states and errors in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cellflow_core.reporting.formatting import ago, as_sentence, badge, duration, plain, short


@pytest.mark.parametrize(
    ("seconds", "message"),
    [(2, "a few seconds"), (11, "10 seconds"), (44, "40 seconds"), (100, "2 minutes"), (7200, "2.0 hours")],
)
def test_durations_are_rounded_as_people_do(seconds: float, message: str) -> None:
    assert duration(seconds) == message


def test_short_durations() -> None:
    assert [short(each) for each in (3, 44, 100, 5000, 9000)] == ["<10 s", "40 s", "2 min", "83 min", "2.5 h"]


def test_ago() -> None:
    now = datetime.now(UTC)
    assert ago(now.isoformat()) == "just now"
    assert ago((now - timedelta(hours=2, minutes=5)).isoformat()) == "2 hours ago"
    assert ago((now - timedelta(days=1)).isoformat()) == "1 day ago"


def test_a_users_text_has_no_meaning_in_markdown() -> None:
    assert plain("**x** [a](b) <b> $y$ :red[z]") == r"\*\*x\*\* \[a\](b) \<b\> \$y\$ \:red\[z\]"
    assert plain("# day: 1-2") == r"\# day: 1-2"
    assert badge("done").startswith(":green-badge[")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (":smile: :material/home:", r":⁠smile: :⁠material/home:"),
        ("http://a.org www.a.org b@a.org", r":⁠".join(("http", "//a.org www⁠.a.org b@⁠a.org"))),
        ("one\n\n# two\n    three", r"one # two three"),
        ("1. one", r"1\. one"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a -> b", r"a -⁠\> b"),
        ("| a | &lt; |", r"\| a \| \&lt; \|"),
        ("E8.5, 12:00, Nkx2-5, HLA-DRA", r"E8.5, 12\:00, Nkx2-5, HLA-DRA"),
    ],
)
def test_what_streamlit_reads_beyond_markdown_is_text(text: str, shown: str) -> None:
    found = plain(text)
    assert found.replace("\\:", ":") == shown.replace("\\:", ":")


def test_errors_are_sentences() -> None:
    from pages.parts.widgets.background import sentence

    assert sentence(KeyError("there is no run 'x'")) == "There is no run 'x'."
    assert sentence(ValueError("cells.csv holds 3 cells")) == "cells.csv holds 3 cells."
    assert sentence(TypeError("f() takes 1")).startswith("This could not be calculated (TypeError: f() takes 1)")


def test_a_note_is_shown_as_a_sentence():
    assert as_sentence("genes left out: 3") == "Genes left out: 3."
    assert as_sentence("Is it right?") == "Is it right?"
