"""What networks cost and how good they are: benchmarks, comparisons, reports."""
