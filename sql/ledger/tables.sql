-- The ledger of migrations. Names, columns and version are those of the tool that version 0.2.0 kept it with, so that
-- either version goes on with the other's ledger (docs/adr/0014-migrations-in-two-dialects.md).
create schema if not exists audit;

-- one row an applied migration; the hash is the SHA-256 of its id
create table if not exists audit._yoyo_migration (
    migration_hash varchar(64) not null,
    migration_id varchar(255),
    applied_at_utc timestamp,
    primary key (migration_hash)
);

-- one row a migration that was applied or taken back; the comment is the SHA-256 of the text that makes it
create table if not exists audit._yoyo_log (
    id varchar(36) not null,
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp,
    primary key (id)
);

-- one row: the version of these tables
create table if not exists audit._yoyo_version (
    version int not null,
    installed_at_utc timestamp,
    primary key (version)
);

insert into audit._yoyo_version (version)
select 2
where not exists (select 1 from audit._yoyo_version);

-- no row: whoever migrates locks this table
create table if not exists audit.yoyo_lock (
    locked int,
    ctime timestamp,
    pid int
);
