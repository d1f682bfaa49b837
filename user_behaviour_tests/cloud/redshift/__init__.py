"""A stand-in for Amazon Redshift in tests: its wire, its dialect and its faults, before a real PostgreSQL, S3 and Glue.

A thread per client speaks PostgreSQL's protocol over TLS to an untouched psycopg2, and raw messages to a PostgreSQL
session of its own. The rule: **never kinder than AWS**; where AWS's behaviour is not documented, the stricter reading.

It speaks what this project asks of it, and refuses the rest with SQLSTATE 0A000:

- start-up: TLS only, passwords that change, version 8.0.2, encoding UNICODE, nothing of
  `standard_conforming_strings`, which is off unless asked for, so that a backslash escapes (`logins`, `backend`);
- SNAPSHOT isolation, conflicts as XX000 1023, no savepoints; parameters of Redshift and no others (`session_state`);
  refusals of what Redshift lacks (`dialect`);
- names in quotes are folded as well (`lexer`); VARBYTE in hexadecimal digits (`wire`);
- CREATE TABLE with distribution, order, encodings; VARCHAR in bytes; keys not enforced (`create_table`);
- COPY from and UNLOAD to Parquet on S3, with manifests (`copy_command`, `unload_command`);
- external schemas, tables and partitions in Glue, never in a transaction (`external_ddl`), read from S3 anew by each
  statement, outside its snapshot, with strict types and pruning by literals (`spectrum`, `cache`, `references`);
- views without schema binding (`late_binding`), others as PostgreSQL's;
- system views with their documented columns (`views`, `system_schema`), and faults on demand (`faults`).

It does not behave as AWS does in:

- the result types of functions (a sum of integers is a bigint on both, an average is not; decimal arithmetic is
  PostgreSQL's); the length of a VARBYTE; users, groups and grants on what is external;
- locks by table: PostgreSQL's are by row, so fewer sessions wait here; and it aborts, where Redshift lets a DELETE that
  comes first wait and go on. IAM: any well-formed role may do everything;
- error texts: those of COPY, UNLOAD, Spectrum and 1023 are AWS's; of refusals only the SQLSTATE class is claimed;
- requests to cancel a query, which it does not hear.
"""

from user_behaviour_tests.cloud.redshift.server import RedshiftStandIn, redshift_stand_in

__all__ = ["RedshiftStandIn", "redshift_stand_in"]
