"""The asset checks, one module per stage: each is a claim about an asset."""
