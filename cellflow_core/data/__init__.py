"""Cells seen at a few times: what they are, how they get in, and the simulators whose truth is known."""
