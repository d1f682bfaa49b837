"""Spark on EMR, both ways: how jobs start, end and are told of, and what of them is published."""
