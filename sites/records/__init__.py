"""Files of tower networks: readers and writers that keep every value and flag."""
