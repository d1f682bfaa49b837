"""What a table is, this project's schemas, the days that partition them, and the SQL texts."""
