"""Gridded products side by side: MODIS, MTE and simulations on a common mask, period and grid."""
