"""The catalog of external tables: the role, PostgreSQL, Glue, and Redshift's own DDL."""
