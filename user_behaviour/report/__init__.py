"""Pages that people read: one file of HTML each, which needs no server, no network and nothing beside it."""
