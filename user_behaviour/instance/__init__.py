"""Dagster's instance: its home, its storage, its runs."""
