-- Facts with their sources and history; digests of days, weeks and months beside the rolling summary.

-- Single sentences that were drawn from what people said.
create table facts (
    account_id uuid not null,
    id uuid not null,
    bot_id uuid not null,
    -- Where it was learned, and whose private conversation that is (null in a group): the walls of messages.
    conversation_id uuid not null,
    person_id uuid,
    -- Whom or what it is about, by name.
    about text not null,
    text text not null,
    importance integer not null check (importance between 1 and 10),
    state text not null check (state in ('active', 'superseded', 'retracted', 'forgotten')),
    -- The fact that took its place.
    superseded_by uuid,
    -- When the newest of its sources was said.
    said_at timestamptz not null,
    -- How often it stood in a prompt, and where last: it is not brought up again at once.
    use_count integer not null default 0,
    last_used_at timestamptz,
    last_used_in uuid,
    last_used_ordinal integer,
    -- Grows with every change of what it says or how it stands; not with its use.
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, bot_id) references bots (account_id, id),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id),
    foreign key (account_id, superseded_by) references facts (account_id, id) deferrable initially deferred,
    constraint facts_superseded check ((state = 'superseded') = (superseded_by is not null))
);
create index facts_of_conversation on facts (account_id, conversation_id, importance desc, said_at desc)
    where state = 'active';
create index facts_of_person on facts (account_id, bot_id, person_id, importance desc, said_at desc)
    where state = 'active' and person_id is not null;
create index facts_superseded_by on facts (account_id, superseded_by) where superseded_by is not null;

-- The messages that it was drawn from.
create table fact_sources (
    account_id uuid not null,
    fact_id uuid not null,
    message_id uuid not null,
    primary key (account_id, fact_id, message_id),
    foreign key (account_id, fact_id) references facts (account_id, id) on delete cascade,
    foreign key (account_id, message_id) references messages (account_id, id)
);
create index fact_sources_of_message on fact_sources (account_id, message_id);

-- What it said and how it stood, from its first version to the present one.
create table fact_versions (
    account_id uuid not null,
    fact_id uuid not null,
    version integer not null,
    action text not null check (action in ('added', 'updated', 'superseded', 'retracted', 'forgotten', 'restored')),
    -- Who changed it: a model that summarised, the bot in a talk, a person, an import, a limit.
    by text not null check (by in ('summary', 'bot', 'person', 'import', 'limit')),
    text text not null,
    importance integer not null,
    state text not null,
    at timestamptz not null,
    primary key (account_id, fact_id, version),
    foreign key (account_id, fact_id) references facts (account_id, id) on delete cascade
);

-- That it was used is nobody's news.
create function record_fact() returns trigger language plpgsql as $$
declare
    fact record;
begin
    if tg_op = 'DELETE' then fact := old; else fact := new; end if;
    insert into changes (account_id, epoch, xid, kind, entity_id, operation, audience)
    values (
        fact.account_id,
        coalesce((select max(epoch) from feed_epochs), 0),
        pg_current_xact_id()::text::bigint,
        'fact',
        fact.id,
        case when tg_op = 'DELETE' then 'delete' else 'upsert' end,
        fact.person_id);
    return null;
end $$;
create trigger record_fact after insert or delete on facts for each row execute function record_fact();
create trigger record_fact_change after update on facts for each row
    when (old.version is distinct from new.version) execute function record_fact();

-- Digests of a day, and of the days of a week or a month, stand beside the rolling summary.
alter table summaries add column kind text not null default 'rolling'
    check (kind in ('rolling', 'day', 'week', 'month'));
-- The time that a digest tells of: from `since` (included) to `until`; null for rolling ones.
alter table summaries add column since timestamptz;
alter table summaries add column until timestamptz;
alter table summaries add constraint summaries_period
    check ((kind = 'rolling') = (since is null) and (since is null) = (until is null));
alter table summaries drop constraint summaries_span_key;
alter table summaries add constraint summaries_span_key unique (account_id, conversation_id, kind, to_ordinal);

do $$
declare t text;
begin
    foreach t in array array['facts', 'fact_sources', 'fact_versions'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy account on %I to botwright_app
            using (account_id = current_account()) with check (account_id = current_account())', t);
        execute format('grant select, insert, update, delete on %I to botwright_app', t);
    end loop;
end $$;
