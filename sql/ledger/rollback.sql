-- one row less of the applied migrations; the log says who took it back
insert into audit._yoyo_log
(id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
values (%(id)s, %(hash)s, %(migration)s, 'rollback', current_user, %(hostname)s, %(digest)s, %(now)s);

delete from audit._yoyo_migration
where migration_hash = %(hash)s;
