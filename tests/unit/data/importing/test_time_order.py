"""Times from the order of labels: places, what is left out, numbers given beside it."""

from __future__ import annotations

import pytest

from cellflow_core.data.importing.time_order import numbers_given, order_of_times, reconcile, times_in_order

LABELS = ("blast", "morula", "zygote")


def test_places_count_the_labels_that_are_used() -> None:
    assert times_in_order(["zygote", "mixed", "blast"], ["mixed"]) == {"zygote": 0.0, "blast": 1.0, "mixed": None}


def test_the_first_order_is_that_of_the_times() -> None:
    times = {"d9": 9.0, "d2": 2.0, "none": None}
    assert order_of_times(("d9", "none", "d2", "odd"), times) == (["d2", "d9", "odd", "none"], ["none"])


def test_an_order_is_kept_when_the_labels_change() -> None:
    assert reconcile(LABELS, ["zygote", "gone", "blast", "zygote"], ["gone", "blast"]) == (
        ["zygote", "blast", "morula"],
        ["blast"],
    )


def test_numbers_by_hand_go_before_the_order_and_must_not_contradict_it() -> None:
    order = ("zygote", "morula", "blast")
    assert numbers_given(LABELS, {}, order, {"blast": 4.5}) == {"zygote": 0.0, "morula": 1.0, "blast": 4.5}
    assert numbers_given(LABELS, {"blast": 3.0}, (), {"morula": None}) == {"blast": 3.0, "morula": None}
    assert "morula" not in numbers_given(LABELS, {"morula": 3.0}, ("zygote", "blast"))
    with pytest.raises(ValueError, match="contradict"):
        numbers_given(LABELS, {}, order, {"morula": 7.0})


@pytest.mark.parametrize(
    ("labels", "order", "word"),
    [(LABELS, ("larva",), "larva"), (LABELS, ("blast", "blast"), "more than once"), ((), ("a",), "windows")],
)
def test_an_order_that_cannot_be_is_refused(labels: tuple[str, ...], order: tuple[str, ...], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        numbers_given(labels, {}, order)
