"""Gridded weather and surface data in: readers, regridding, and the checked store that regional runs read."""
