"""What every part on AWS shares: clients, errors and their remedies, secrets, places in S3."""
