"""What each customer spent, and how they reviewed, every day: a Dagster project of software-defined assets."""
