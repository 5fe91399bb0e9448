"""What orders of cells share: groups joined by a tree, its beginning, and checks that cells can be ordered."""
