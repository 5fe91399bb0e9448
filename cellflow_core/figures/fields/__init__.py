"""Parts of the pictures of a field: its lines, its fixed points, and what cells are coloured by."""
