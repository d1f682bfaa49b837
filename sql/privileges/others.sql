-- What every user of the database may do until it is taken: make tables in public, and write to S3 by UNLOAD.
revoke create on schema public from public;

revoke assumerole on all from public for all; -- noqa: PRS
