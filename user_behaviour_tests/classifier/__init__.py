"""The classifier of reviews."""
