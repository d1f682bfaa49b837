-- one row: the newest error of a COPY of a session from below a directory
-- https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
select
    trim(file_name) as file,
    line_number as line,
    trim(column_name) as name,
    trim(column_type) as type,
    trim(column_length) as length,
    trim(error_message) as reason
from sys_load_error_detail
where session_id = %(pid)s and strpos(file_name, %(directory)s) = 1
order by start_time desc
limit 1
