"""What estimators of RNA velocity share: unspliced and spliced RNA of the cells, and the kinetics of splicing."""
