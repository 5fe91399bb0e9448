"""The lessons on a page: the answer comes after the prediction, is counted, and a class votes."""

from __future__ import annotations

import pytest

from cellflow_core.lessons.catalog import LESSONS, take
from cellflow_core.lessons.tally import Tally
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet")


def words(page) -> str:
    return " ".join(each.value for kind in ("markdown", "caption", "success", "info") for each in page.get(kind))


@pytest.mark.parametrize("name", LESSONS)
def test_the_answer_comes_after_the_prediction(name):
    lesson = LESSONS[name]
    k = list(LESSONS).index(name) + 1
    page = opened("learn", lesson=f"{k} {lesson.title}")
    answer = take(name, 0, 0)
    assert lesson.sentence in words(page) and answer.words not in words(page)
    page.radio[0].set_value((answer.answer + 1) % len(lesson.choices)).run()
    page.button(key=f"see_{name}/0/0").click().run()
    assert "It is otherwise" in words(page) and answer.words.split(".")[0] in words(page)
    assert "0 of 1 predictions were right" in words(page)


def test_a_class_predicts_together():
    tally = Tally.begin()
    tally.vote("another", "pairing/0/0", 0)
    page = opened("learn", **{"class": tally.code})
    assert tally.code in words(page)
    page.radio[0].set_value(3).run()
    page.button(key="see_pairing/0/0").click().run()
    assert "As you predicted" in words(page) and tally.counts("pairing/0/0", 4) == (1, 0, 0, 1)
    tally.vote("third", "pairing/0/0", 1)
    page.button(key="count_pairing/0/0_3").click().run()
    assert "3 predictions of the class" in words(page)
    gone = opened("learn", **{"class": "ZZZZZ"})
    assert "there is no class" in gone.warning[0].value.lower()
