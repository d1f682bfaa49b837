"""Whether everything that a run needs is there: what each role finds out about itself, and what IAM would say."""
