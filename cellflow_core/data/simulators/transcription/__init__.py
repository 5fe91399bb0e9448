"""Simulators of unspliced and spliced RNA, whose velocity and latent time are known."""
