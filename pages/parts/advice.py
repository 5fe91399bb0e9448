"""Which model for which question, with reasons from the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol


class Card(Protocol):
    """What a jobs.catalogue.ModelCard tells about a model."""

    name: str
    family: str
    title: str
    capabilities: Any


@dataclass(frozen=True)
class Advice:
    """A question of a biologist, the model that answers it, and why."""

    question: str
    model: str
    why: str


QUESTIONS = (
    (
        "Where do my cells go?",
        lambda card: card.name == "ot-cfm",
        "Pairs the cells of neighbouring times in the cheapest way, then learns the motion between them. "
        "Quick, steady, a good first choice.",
    ),
    (
        "In which landscape do they roll?",
        lambda card: "potential" in card.capabilities,
        "Learns one landscape whose slopes are the motion, so valleys are where cells settle.",
    ),
    (
        "How much is chance?",
        lambda card: {"score", "noise"} <= set(card.capabilities),
        "Learns random motion too: the same cell can end in different fates, each with its probability.",
    ),
    (
        "Is a trained model worth it?",
        lambda card: card.family == "couplings",
        "No training at all: moves cells straight along the cheapest pairing. What a model has to beat.",
    ),
)


def advice(cards: Iterable[Card]) -> tuple[Advice, ...]:
    """One line a question, for the questions that some model answers."""
    listed = list(cards)
    found = []
    for question, fits, why in QUESTIONS:
        model = next((card.name for card in listed if fits(card)), None)
        if model is not None:
            found.append(Advice(question, model, why))
    return tuple(found)


def remarks(times: int, counts: tuple[int, ...], unit: str = "") -> tuple[str, ...]:
    """What the data mean for the choice."""
    said = []
    if times == 2:
        said.append("There are two times only: none can be left out, so how far to trust the model stays unmeasured.")
    if counts and min(counts) < 100:
        said.append(
            f"One time has {min(counts)} cells only. Train three seeds or more and look at how much they differ."
        )
    if counts and max(counts) > 20 * max(min(counts), 1):
        said.append(
            f"Times differ much in size ({min(counts):,} to {max(counts):,} cells). Models here compare the shape of "
            "each time, not its size."
        )
    return tuple(said)
