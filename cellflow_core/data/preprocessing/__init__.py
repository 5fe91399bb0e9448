"""Quality control, normalisation, missing values, principal components, batches, neighbours and pseudotime."""
