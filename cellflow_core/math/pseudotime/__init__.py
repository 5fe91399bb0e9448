"""Orders of cells by diffusion over the graph of their neighbors."""
