"""A made-up shop and its vendor, for the demo and for measurements: the same seed and scale give the same bytes."""
