"""The results of a test on a data set, as one HTML file."""
