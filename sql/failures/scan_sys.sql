-- one row: the value at which the newest failed scan of a session ended
-- https://docs.aws.amazon.com/redshift/latest/dg/SYS_EXTERNAL_QUERY_ERROR.html
select
    trim(file_location) as file,
    trim(rowid) as line,
    trim(column_name) as name,
    trim(original_value) as raw_value
from sys_external_query_error
where
    query_id = (
        select max(history.query_id)
        from sys_query_history as history
        where
            history.session_id = %(pid)s  -- noqa: RF02, a parameter
            and history.status = 'failed'
    )
limit 1  -- noqa: AM09, any of them will do
