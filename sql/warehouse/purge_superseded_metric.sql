-- one row a customer and day of the metric as it was until a restatement that is long ago
delete from audit.superseded_metric
where superseded_at < %(before)s
