alter table turns drop column waits_until;
