"""Scores: PCK and PCP, protocols, annotation and prediction files, metrics."""
