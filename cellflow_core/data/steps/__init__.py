"""Operations on a stored data set: each makes a new data set and keeps the one it came from as its parent."""
