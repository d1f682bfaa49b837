"""The asset checks: each passes on healthy days, and fails when one thing is really broken."""
