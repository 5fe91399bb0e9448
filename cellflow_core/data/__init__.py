"""Snapshots and trajectories of cells: contracts, readers, import, preprocessing, state spaces, simulators."""
