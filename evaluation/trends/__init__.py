"""Trends with honest p values, their maps, differences and attribution."""
