alter table turns drop column wishes;
