"""The embedded stack of the local deployment, and what its shop and vendor deliver."""
