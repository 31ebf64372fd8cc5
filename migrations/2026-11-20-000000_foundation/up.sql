-- The foundation: accounts and their walls, config generations, conversations, turns, queues, the change feed.
--
-- Every tenant table starts with account_id and so does every key. Row-level security is forced, so even
-- the owner of the tables sees nothing without one of the two roles:
--   botwright_app     one account, the one in app.account_id
--   botwright_system  every account, on the listed queues and logs only

do $$
declare wanted text;
begin
    foreach wanted in array array['botwright_app', 'botwright_system'] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin', wanted);
            end if;
            if not pg_has_role(current_user, wanted, 'member') then
                execute format('grant %I to current_user', wanted);
            end if;
        exception
            when duplicate_object or unique_violation then null; -- another database of this cluster was faster
            when insufficient_privilege then
                raise exception 'this login may not create the roles that Botwright needs'
                    using hint = format(
                        'as an administrator: CREATE ROLE botwright_app NOLOGIN; CREATE ROLE botwright_system NOLOGIN; GRANT botwright_app, botwright_system TO %I;',
                        current_user);
        end;
    end loop;
end $$;

create function current_account() returns uuid language sql stable parallel safe as
    $$ select nullif(current_setting('app.account_id', true), '')::uuid $$;

create table accounts (
    id uuid primary key,
    name text not null unique check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    created_at timestamptz not null
);

create table people (
    account_id uuid not null references accounts (id),
    id uuid not null,
    name text not null,
    language text,
    created_at timestamptz not null,
    primary key (account_id, id)
);

-- A person's handle on a channel.
create table identities (
    account_id uuid not null,
    channel text not null,
    external_id text not null,
    person_id uuid not null,
    primary key (account_id, channel, external_id),
    foreign key (account_id, person_id) references people (account_id, id)
);

create table api_tokens (
    account_id uuid not null references accounts (id),
    id uuid not null,
    name text not null,
    hash bytea not null,
    scopes text[] not null,
    person_id uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id)
);
create unique index api_tokens_hash_key on api_tokens (hash);

create table secrets (
    account_id uuid not null references accounts (id),
    id uuid not null,
    name text not null,
    sealed bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, id),
    constraint secrets_name_key unique (account_id, name)
);

create table config_generations (
    account_id uuid not null references accounts (id),
    id uuid not null,
    source text not null,
    number integer not null,
    hash text not null,
    project jsonb not null,
    manifest jsonb not null,
    provenance jsonb not null,
    created_at timestamptz not null,
    primary key (account_id, id),
    constraint config_generations_number_key unique (account_id, source, number)
);

create table bots (
    account_id uuid not null references accounts (id),
    id uuid not null,
    name text not null,
    source text not null,
    revision_id uuid not null,
    archived_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, id),
    constraint bots_name_key unique (account_id, name)
);

create table bot_revisions (
    account_id uuid not null,
    id uuid not null,
    bot_id uuid not null,
    number integer not null,
    hash text not null,
    content jsonb not null,
    created_at timestamptz not null,
    primary key (account_id, id),
    constraint bot_revisions_number_key unique (account_id, bot_id, number),
    foreign key (account_id, bot_id) references bots (account_id, id) deferrable initially deferred
);
alter table bots add foreign key (account_id, revision_id) references bot_revisions (account_id, id)
    deferrable initially deferred;

create table conversations (
    account_id uuid not null,
    id uuid not null,
    bot_id uuid not null,
    channel text not null,
    key text not null,
    person_id uuid,
    title text,
    last_ordinal integer not null default 0,
    last_event integer not null default 0,
    window_from integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, id),
    constraint conversations_key_key unique (account_id, bot_id, channel, key),
    foreign key (account_id, bot_id) references bots (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id)
);
create index conversations_recent on conversations (account_id, person_id, updated_at desc, id desc);

create table participants (
    account_id uuid not null,
    conversation_id uuid not null,
    person_id uuid not null,
    name text not null,
    primary key (account_id, conversation_id, person_id),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id)
);

create table turns (
    account_id uuid not null,
    id uuid not null,
    conversation_id uuid not null,
    bot_id uuid not null,
    revision_id uuid not null,
    state text not null check (state in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    attempt integer not null default 0,
    -- Grows with every message or edit that joins the turn; a runner that worked from fewer starts anew.
    inputs integer not null default 1,
    -- Whether text or a writing tool has been seen outside; from then on nothing joins.
    shown boolean not null default false,
    cancel_requested boolean not null default false,
    leased_by uuid,
    lease_until timestamptz,
    first_ordinal integer not null,
    last_seq integer not null default 0,
    reply_id uuid,
    model text,
    usage jsonb,
    failure jsonb,
    report jsonb,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, bot_id) references bots (account_id, id),
    foreign key (account_id, revision_id) references bot_revisions (account_id, id)
);
create unique index turns_one_queued on turns (account_id, conversation_id) where state = 'queued';
create unique index turns_one_running on turns (account_id, conversation_id) where state = 'running';
create index turns_queue on turns (created_at) where state = 'queued';
create index turns_leases on turns (lease_until) where state = 'running';
create index turns_of_conversation on turns (account_id, conversation_id, first_ordinal);

create table turn_events (
    account_id uuid not null,
    turn_id uuid not null,
    seq integer not null,
    kind text not null,
    body jsonb not null,
    at timestamptz not null default now(),
    primary key (account_id, turn_id, seq),
    foreign key (account_id, turn_id) references turns (account_id, id)
);
create index turn_events_old_deltas on turn_events (at) where kind = 'text';

create table messages (
    account_id uuid not null,
    id uuid not null,
    conversation_id uuid not null,
    ordinal integer not null,
    role text not null check (role in ('person', 'bot', 'system')),
    person_id uuid,
    author text not null,
    text text not null,
    version integer not null default 1,
    turn_id uuid,
    sent_at timestamptz not null,
    edited_at timestamptz,
    erased_at timestamptz,
    primary key (account_id, id),
    constraint messages_ordinal_key unique (account_id, conversation_id, ordinal),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id),
    foreign key (account_id, turn_id) references turns (account_id, id)
);
create index messages_of_turn on messages (account_id, turn_id);

-- What a message said before it was edited.
create table message_versions (
    account_id uuid not null,
    message_id uuid not null,
    version integer not null,
    text text not null,
    at timestamptz not null,
    primary key (account_id, message_id, version),
    foreign key (account_id, message_id) references messages (account_id, id)
);

-- The log that a client of a whole conversation follows; contiguous from 1.
create table conversation_events (
    account_id uuid not null,
    conversation_id uuid not null,
    seq integer not null,
    kind text not null,
    message_id uuid,
    turn_id uuid,
    state text,
    at timestamptz not null,
    primary key (account_id, conversation_id, seq),
    foreign key (account_id, conversation_id) references conversations (account_id, id)
);

create table deliveries (
    account_id uuid not null,
    id uuid not null,
    conversation_id uuid not null,
    turn_id uuid,
    message_id uuid not null,
    channel text not null,
    part integer not null,
    text text not null,
    state text not null check (state in ('queued', 'sending', 'sent', 'ambiguous', 'failed')),
    external_id text,
    attempts integer not null default 0,
    run_at timestamptz not null default now(),
    leased_by uuid,
    lease_until timestamptz,
    error text,
    created_at timestamptz not null,
    primary key (account_id, id),
    constraint deliveries_part_key unique (account_id, message_id, part),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, message_id) references messages (account_id, id)
);
create index deliveries_queue on deliveries (run_at) where state in ('queued', 'sending');
create index deliveries_of_conversation on deliveries (account_id, conversation_id, created_at, part)
    where state in ('queued', 'sending');

create table summaries (
    account_id uuid not null,
    id uuid not null,
    conversation_id uuid not null,
    from_ordinal integer not null,
    to_ordinal integer not null,
    text text not null,
    tokens integer not null,
    model text not null,
    created_at timestamptz not null,
    primary key (account_id, id),
    constraint summaries_span_key unique (account_id, conversation_id, to_ordinal),
    foreign key (account_id, conversation_id) references conversations (account_id, id)
);

create table usage_events (
    account_id uuid not null,
    id uuid not null,
    bot_id uuid not null,
    conversation_id uuid,
    turn_id uuid,
    person_id uuid,
    purpose text not null,
    model text not null,
    input_tokens integer not null,
    cached_tokens integer not null,
    output_tokens integer not null,
    cost_usd double precision,
    at timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, bot_id) references bots (account_id, id)
);
create index usage_events_recent on usage_events (account_id, at);

create table jobs (
    account_id uuid not null references accounts (id),
    id uuid not null,
    kind text not null,
    payload jsonb not null,
    -- Two waiting jobs of one kind and key are one job.
    key text not null,
    state text not null check (state in ('waiting', 'running', 'done', 'failed')),
    attempts integer not null default 0,
    run_at timestamptz not null,
    leased_by uuid,
    lease_until timestamptz,
    error text,
    created_at timestamptz not null,
    finished_at timestamptz,
    primary key (account_id, id)
);
create unique index jobs_one_waiting on jobs (account_id, kind, key) where state = 'waiting';
create index jobs_queue on jobs (run_at) where state = 'waiting';
create index jobs_leases on jobs (lease_until) where state = 'running';

create table schedules (
    account_id uuid not null references accounts (id),
    id uuid not null,
    kind text not null,
    key text not null,
    payload jsonb not null,
    cron text not null,
    timezone text not null,
    next_at timestamptz not null,
    primary key (account_id, id),
    constraint schedules_key_key unique (account_id, kind, key)
);
create index schedules_due on schedules (next_at);

create table idempotency_keys (
    account_id uuid not null references accounts (id),
    principal text not null,
    operation text not null,
    key text not null,
    fingerprint text not null,
    result jsonb not null,
    created_at timestamptz not null,
    primary key (account_id, principal, operation, key)
);
create index idempotency_keys_old on idempotency_keys (account_id, created_at);

create table audit_log (
    account_id uuid not null references accounts (id),
    id uuid not null,
    at timestamptz not null,
    actor text not null,
    action text not null,
    subject text not null,
    detail jsonb not null,
    primary key (account_id, id)
);

-- The change feed. A lower seq may commit later, so readers go in order of (epoch, xid, seq) and only below
-- the oldest transaction still in flight. A restored or moved database starts a new epoch.
create table feed_epochs (
    epoch integer primary key,
    system_identifier text not null,
    database_oid bigint not null,
    timeline integer not null,
    started_at timestamptz not null default now()
);

create table changes (
    account_id uuid not null,
    epoch integer not null,
    xid bigint not null,
    seq bigint generated always as identity,
    kind text not null,
    entity_id uuid not null,
    operation text not null check (operation in ('upsert', 'delete')),
    at timestamptz not null default now(),
    primary key (account_id, epoch, xid, seq)
);
create index changes_feed on changes (epoch, xid, seq);
create index changes_old on changes (at);

create function record_change() returns trigger language plpgsql as $$
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

create trigger record_change after insert or update or delete on messages
    for each row execute function record_change('message');
create trigger record_change after insert or update or delete on summaries
    for each row execute function record_change('summary');
create trigger record_change after insert or update or delete on bots
    for each row execute function record_change('bot');

do $$
declare t text;
begin
    grant usage on schema public to botwright_app, botwright_system;
    grant select on feed_epochs to botwright_app, botwright_system;
    for t in
        select table_name from information_schema.columns
        where table_schema = 'public' and column_name = 'account_id'
    loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy account on %I to botwright_app
            using (account_id = current_account()) with check (account_id = current_account())', t);
        execute format('grant select, insert, update, delete on %I to botwright_app', t);
    end loop;

    alter table accounts enable row level security;
    alter table accounts force row level security;
    create policy account on accounts to botwright_app using (id = current_account());
    grant select on accounts to botwright_app;

    foreach t in array array['accounts', 'api_tokens', 'turns', 'turn_events', 'deliveries', 'jobs',
                             'schedules', 'changes'] loop
        -- The login is a member of the role, so that it may switch to it; only who has switched is let in.
        execute format('create policy system on %I to botwright_system
            using (current_user = ''botwright_system'') with check (current_user = ''botwright_system'')', t);
        execute format('grant select, insert, update, delete on %I to botwright_system', t);
    end loop;
end $$;
