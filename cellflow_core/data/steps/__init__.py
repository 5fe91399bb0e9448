"""What can be done to a stored data set: each step makes a new data set, and its parent is the way back."""
