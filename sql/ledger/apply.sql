-- one row a migration that is applied, and one for each time
insert into audit._yoyo_log
(id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
values (%(id)s, %(hash)s, %(migration)s, 'apply', current_user, %(hostname)s, %(digest)s, %(now)s);

insert into audit._yoyo_migration (migration_hash, migration_id, applied_at_utc)
values (%(hash)s, %(migration)s, %(now)s);
