delete from summaries where kind <> 'rolling';
alter table summaries drop constraint summaries_span_key;
alter table summaries drop column kind, drop column since, drop column until;
alter table summaries add constraint summaries_span_key unique (account_id, conversation_id, to_ordinal);
drop table fact_versions, fact_sources, facts;
drop function record_fact;
