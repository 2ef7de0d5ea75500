"""Upscaled maps and the carbon budget that combines them."""
