-- one row: the newest error of a COPY of a session from below a directory, on a provisioned cluster
-- https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html
select
    trim(filename) as file,
    line_number as line,
    trim(colname) as name,
    trim(type) as type,
    trim(col_length) as length,
    trim(raw_field_value) as raw_value,
    trim(err_reason) as reason
from stl_load_errors
where session = %(pid)s and strpos(filename, %(directory)s) = 1
order by starttime desc
limit 1
