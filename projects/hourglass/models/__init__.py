"""The network of the paper, its head, and variants of both."""
