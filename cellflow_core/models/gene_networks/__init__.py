"""What gene networks without a motion share: networks of all cells and of groups, and who may regulate."""
