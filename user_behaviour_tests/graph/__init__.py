"""The whole graph, run as its users run it, on real engines."""
