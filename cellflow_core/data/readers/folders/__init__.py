"""Archives and folders: matrices with names beside them, tables with metadata, one file a sample."""
