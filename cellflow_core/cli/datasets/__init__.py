"""Commands that make, read, fetch, change and tell of data sets, and of the networks that these can be given."""
