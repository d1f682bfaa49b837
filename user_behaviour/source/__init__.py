"""The shop's database, read in consistent snapshots."""
