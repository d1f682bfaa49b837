"""The warehouse: the role, PostgreSQL and Redshift."""
