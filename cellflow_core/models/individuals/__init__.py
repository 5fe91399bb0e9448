"""What models of followed individuals share: doses and grids of their own, histories, measurements, random effects."""
