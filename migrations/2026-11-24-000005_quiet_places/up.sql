-- Until when the channel asked for silence there.
alter table places add column quiet_until timestamptz;
