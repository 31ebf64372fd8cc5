-- Until when a queued turn waits for the rest of an album; null for most, which wait for nothing.
alter table turns add column waits_until timestamptz;
