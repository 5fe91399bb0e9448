"""Lessons for a course: what the data can tell, what models assume, and how pictures mislead."""
