"""Times that labels and names give: one grammar of labels, of columns of them, and of names of columns."""
