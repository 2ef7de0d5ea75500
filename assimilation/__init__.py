"""Parameters from observations."""
