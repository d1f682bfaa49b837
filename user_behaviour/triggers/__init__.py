"""Jobs, schedules and sensors, and how they decide what to run.

`jobs`, `schedules` and `sensors` are Dagster's; the decisions are in the other modules, which use nothing of it
and compare states instead of counting events.
"""
