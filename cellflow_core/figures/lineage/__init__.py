"""Where cells come from and what they become: lineages, clones, ancestors, groups over time."""
