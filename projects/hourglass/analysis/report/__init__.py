"""How a network does on a data set, in one HTML file."""
