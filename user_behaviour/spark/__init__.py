"""Where Spark programs run: the role, this process, EMR; and how what they wrote is taken into the lake."""
