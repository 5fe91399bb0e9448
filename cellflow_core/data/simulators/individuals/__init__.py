"""Individuals who are followed and treated: patients, tumours, hearts."""
