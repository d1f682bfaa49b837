"""A made-up shop and vendor, for a demo and for tests of scale."""
