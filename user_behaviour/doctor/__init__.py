"""Whether everything that a run needs is there: each role's self-check, and IAM's simulation of permissions."""
