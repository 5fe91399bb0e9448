"""The three short texts of each view and step: what it shows, how to read it, what it cannot tell."""

from __future__ import annotations

from importlib.resources import files


def has_texts(name: str) -> bool:
    """Whether there are texts of this name."""
    return (files(__name__) / f"{name}.md").is_file()


def three_texts(name: str) -> dict[str, str]:
    """Heading -> text, in Markdown. Raises FileNotFoundError where there are none of this name."""
    parts = (files(__name__) / f"{name}.md").read_text(encoding="utf-8").split("## ")[1:]
    return {heading: text.strip() for heading, _, text in (each.partition("\n") for each in parts)}
