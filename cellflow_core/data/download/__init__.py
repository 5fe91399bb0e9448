"""Files from the internet: public data sets, addresses that may be reached, transfers that resume."""
