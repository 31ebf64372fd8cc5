drop index turns_failed, jobs_failed, deliveries_troubled, audit_log_recent;
drop trigger record_change on conversations;
drop trigger record_change on turns;
drop trigger record_change_of_state on turns;
create or replace function record_change() returns trigger language plpgsql as $$
begin
    insert into changes (account_id, epoch, xid, kind, entity_id, operation)
    values (
        coalesce(new.account_id, old.account_id),
        coalesce((select max(epoch) from feed_epochs), 0),
        pg_current_xact_id()::text::bigint,
        tg_argv[0],
        coalesce(new.id, old.id),
        case when tg_op = 'DELETE' then 'delete' else 'upsert' end);
    return null;
end $$;
revoke update (pruned_xid, pruned_seq) on feed_epochs from botwright_system;
alter table feed_epochs drop column pruned_xid, drop column pruned_seq;
drop index changes_of_audience;
alter table changes drop column audience;
alter table turns drop column person_id;
