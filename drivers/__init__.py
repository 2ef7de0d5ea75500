"""Weather and surface data in: readers, unit and range checks, completion, disaggregation."""
