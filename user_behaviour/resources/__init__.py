"""One module per role: what the pipeline needs of the outside, and the twins that give it."""
