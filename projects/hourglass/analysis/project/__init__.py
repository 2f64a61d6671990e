"""What is chosen for a data set of one's own, and the config that says so."""
