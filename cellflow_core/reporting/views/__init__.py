"""What each answer about a run shows: its sentence, figures and tables, for pages, reports and scripts alike."""
