"""Gridded runs over decades."""
