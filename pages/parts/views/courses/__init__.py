"""Parts of the page on individuals followed over time."""
