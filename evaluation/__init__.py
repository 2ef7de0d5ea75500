"""Scores, empirical benchmarks, comparison with observations, CF and ALMA export."""
