-- Dagster's events are many and tiny, and a power cut may cost the last few of them; elsewhere a commit is a commit.
-- The tables are Dagster's own.

alter database dagster set synchronous_commit = off;

revoke all on database dagster from public;
