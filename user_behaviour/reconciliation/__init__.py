"""Whether the lake, the catalog of external tables, the warehouse and Dagster say the same of each day.

`comparison` is pure; `places` asks each place and puts right what needs no run; `recorded` is what Dagster knows.
"""
