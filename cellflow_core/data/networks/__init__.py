"""Prior networks of genes: read from tables, kept in a library, matched with the genes of a data set."""
