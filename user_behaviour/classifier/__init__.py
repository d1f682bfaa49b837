"""The classifier of reviews: what a term is, how a model is trained, judged, kept and put into force."""
