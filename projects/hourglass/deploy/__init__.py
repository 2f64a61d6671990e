"""Trained networks run by other libraries, cut short, or written for other programs."""
