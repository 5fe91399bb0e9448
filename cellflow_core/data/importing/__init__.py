"""A file into a data set: a look that proposes choices (`inspection`), and the import itself (`pipeline`)."""
