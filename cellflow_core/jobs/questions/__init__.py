"""The questions that pages and the command line ask about a run."""
