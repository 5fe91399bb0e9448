"""Files of the kinds that break imports, and what is right for each: those beside the project, and others like them."""
