"""Networks, equations and trends of genes in words and tables."""
