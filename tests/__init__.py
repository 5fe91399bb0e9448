"""All tests: `unit` and `truth` mirror the rooms of `cellflow_core`."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The folder that holds the project."""
STORED = Path(__file__).parent / "stored"
"""Data sets, runs and plans as earlier versions and other programs stored them."""
