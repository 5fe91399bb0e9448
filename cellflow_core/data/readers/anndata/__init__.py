"""Files of AnnData and MuData: names and columns, the matrix that holds the values, layers, coordinates."""
