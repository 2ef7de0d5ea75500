"""Rule-based regression with linear models: the improved regression tree that upscales tower fluxes."""
