drop table upload_contents, uploads, message_ratings;
alter table conversations drop column version;
alter table messages drop column superseded_by;
alter table turns drop column again_of, drop column take;
