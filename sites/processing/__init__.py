"""From raw half hours to gap-filled, partitioned fluxes with errors: quality, u*, gap filling, partitioning, closure."""
