"""Whether the lake, the catalog of external tables, the warehouse and Dagster say the same of each day.

`comparison` is pure; `reconciliation` asks the places and puts right what needs no run; `recorded` is Dagster's part.
"""
