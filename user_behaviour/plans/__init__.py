"""What would change if: plans of another rule or another version of the classifier, compared, kept and applied."""
