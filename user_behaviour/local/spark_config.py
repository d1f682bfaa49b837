"""How Spark is started on one machine. Only what concerns speed and size here; what the result needs is in the program."""

SPARK_CONFIG = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
}
