-- one row: the newest message of the scans of a session, on a provisioned cluster
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVL_S3LOG.html
select trim(message) as reason
from svl_s3log
where pid = %(pid)s
order by eventtime desc
limit 1
