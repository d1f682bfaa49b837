"""The tests mirror the package; `contracts` holds one suite per role, which every twin must pass."""
