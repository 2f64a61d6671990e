"""A checkpoint to a network, and images to poses."""
