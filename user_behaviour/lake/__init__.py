"""The lake: the role and its twins, data sets, batches, manifests, publishing."""
