"""Individuals who are followed: patients, tumours, hearts, reactions, and short equations."""
