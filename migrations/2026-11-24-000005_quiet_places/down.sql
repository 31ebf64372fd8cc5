alter table places drop column quiet_until;
