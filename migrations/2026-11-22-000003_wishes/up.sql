-- How a client wants a turn to be answered; forgotten once it is.
alter table turns add column wishes jsonb;
