"""Estimates of RNA velocity beside each other: where they agree, whether they recur, and where they lead."""
