"""Lessons on a page: the turn that is asked, and the class that predicts together."""
