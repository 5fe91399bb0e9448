"""What was done to each cell, as a file names it."""
