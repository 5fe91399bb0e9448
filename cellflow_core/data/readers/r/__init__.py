"""Files of R: objects of Seurat and Bioconductor, matrices and data frames, in .rds, .rda and .RData."""
