-- A rating belongs to its message: who rated on one device is told on the other. Nobody else is.
create function record_rating() returns trigger language plpgsql as $$
declare
    rating record;
begin
    if tg_op = 'DELETE' then rating := old; else rating := new; end if;
    insert into changes (account_id, epoch, xid, kind, entity_id, operation, audience)
    values (
        rating.account_id,
        coalesce((select max(epoch) from feed_epochs), 0),
        pg_current_xact_id()::text::bigint,
        'message',
        rating.message_id,
        'upsert',
        rating.person_id);
    return null;
end $$;

create trigger record_rating after insert or update or delete on message_ratings
    for each row execute function record_rating();
