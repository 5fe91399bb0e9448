"""Orders of the cells of one snapshot by their states alone."""
