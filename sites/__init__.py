"""Flux towers: site descriptions, observations, footprints, representativeness."""
