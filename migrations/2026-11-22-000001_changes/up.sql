-- The change feed as clients follow it: conversations and turns too, by whom each line is for, and how far it
-- has been forgotten.

-- Whose conversation it is, so that a change by a queue, which sees no conversations, knows whom it is for.
alter table turns add column person_id uuid;

-- Who may see the line: a person, everybody in the account (then it is the account's id), or (null) only who
-- sees all of the account.
alter table changes add column audience uuid;
create index changes_of_audience on changes (account_id, audience, epoch, xid, seq);

-- The last line that was forgotten. A reader who stopped before it has missed something.
alter table feed_epochs add column pruned_xid bigint not null default 0;
alter table feed_epochs add column pruned_seq bigint not null default 0;
grant update (pruned_xid, pruned_seq) on feed_epochs to botwright_system;

create or replace function record_change() returns trigger language plpgsql as $$
declare
    thing record;
    audience uuid;
begin
    if tg_op = 'DELETE' then thing := old; else thing := new; end if;
    if tg_argv[0] = 'bot' then
        audience := thing.account_id;
    elsif tg_argv[0] in ('conversation', 'turn') then
        audience := thing.person_id;
    end if;
    -- The queues see no conversations; what they touch knows its person.
    if audience is null and tg_argv[0] in ('message', 'turn') and current_user = 'botwright_app' then
        select person_id into audience from conversations
            where account_id = thing.account_id and id = thing.conversation_id;
    end if;
    insert into changes (account_id, epoch, xid, kind, entity_id, operation, audience)
    values (
        thing.account_id,
        coalesce((select max(epoch) from feed_epochs), 0),
        pg_current_xact_id()::text::bigint,
        tg_argv[0],
        thing.id,
        case when tg_op = 'DELETE' then 'delete' else 'upsert' end,
        audience);
    return null;
end $$;

create trigger record_change after insert or update or delete on conversations
    for each row execute function record_change('conversation');
create trigger record_change after insert or delete on turns
    for each row execute function record_change('turn');
-- Not the leases, which are renewed all the time.
create trigger record_change_of_state after update on turns
    for each row when (
        (old.state, old.attempt) is distinct from (new.state, new.attempt)
        or new.state in ('completed', 'failed', 'cancelled'))
    execute function record_change('turn');

-- What went wrong lately, and who did what lately.
create index turns_failed on turns (account_id, finished_at desc) where state = 'failed';
create index jobs_failed on jobs (account_id, finished_at desc) where state = 'failed';
create index deliveries_troubled on deliveries (account_id, created_at desc) where state in ('failed', 'ambiguous');
create index audit_log_recent on audit_log (account_id, at desc, id desc);

-- Turns that are under way; those that ended do not change by a queue any more.
do $$
declare account uuid;
begin
    set local role botwright_system;
    for account in select distinct account_id from turns where state in ('queued', 'running') loop
        set local role botwright_app;
        perform set_config('app.account_id', account::text, true);
        update turns set person_id = conversations.person_id from conversations
            where (turns.account_id, turns.state) in ((account, 'queued'), (account, 'running'))
              and (conversations.account_id, conversations.id) = (turns.account_id, turns.conversation_id);
        set local role botwright_system;
    end loop;
    reset role;
    perform set_config('app.account_id', '', true);
end $$;
