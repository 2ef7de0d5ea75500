"""Flux footprints: models, source areas, climatologies and land-cover fractions of every half hour."""
