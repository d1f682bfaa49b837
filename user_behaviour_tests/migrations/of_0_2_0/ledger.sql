-- The ledger, as yoyo 9.0 and version 0.2.0 made it in every warehouse. Its rows are in ledger.csv.
create schema if not exists audit;
create table audit.yoyo_lock (locked int, ctime timestamp, pid int);
create table audit._yoyo_log (
    id varchar(36), migration_hash varchar(64), migration_id varchar(255), operation varchar(10),
    username varchar(255), hostname varchar(255), "comment" varchar(255), created_at_utc timestamp, primary key (id)
);
create table audit._yoyo_version (version int not null primary key, installed_at_utc timestamp);
create table audit._yoyo_migration (
    migration_hash varchar(64), migration_id varchar(255), applied_at_utc timestamp, primary key (migration_hash)
);
insert into audit._yoyo_version values (2, '2026-11-26 01:05:43.555867')
