drop table passages, documents;
drop function record_document;
