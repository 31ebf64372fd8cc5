-- Channels that people are written to: which bots stand on them, where conversations are held, what arrived.

-- One configured channel of one bot. The token is a secret of the account, by name.
create table connections (
    account_id uuid not null references accounts (id),
    id uuid not null,
    bot_id uuid not null,
    channel text not null check (channel in ('telegram')),
    -- Who wants it: the bot's file, or somebody over the API.
    origin text not null check (origin in ('file', 'api')),
    secret text not null,
    mode text not null check (mode in ('auto', 'polling', 'webhook')),
    state text not null check (state in ('waiting', 'starting', 'running', 'failing', 'conflict', 'refused')),
    last_error text,
    error_at timestamptz,
    -- A keyed hash of the token, and the channel's own number for the bot, once the channel confirmed it.
    fingerprint bytea,
    external_id bigint,
    username text,
    reads_groups boolean,
    -- A hash of the commands that the channel was last told of.
    menu text,
    leased_by uuid,
    lease_until timestamptz,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    removed_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, bot_id) references bots (account_id, id)
);
-- Nobody may hold a token, or a bot of the channel's, that another bot or account holds.
create unique index connections_one_token on connections (fingerprint) where removed_at is null;
create unique index connections_one_holder on connections (channel, external_id) where removed_at is null;
create unique index connections_one_of_file on connections (account_id, bot_id, channel)
    where removed_at is null and origin = 'file';
create index connections_leases on connections (lease_until) where removed_at is null;

-- Where a conversation is held on its channel.
create table places (
    account_id uuid not null,
    conversation_id uuid not null,
    connection_id uuid not null,
    chat text not null,
    thread text,
    is_group boolean not null,
    -- Since when the bot may not write there: it was blocked or sent away.
    unreachable_at timestamptz,
    primary key (account_id, conversation_id),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, connection_id) references connections (account_id, id)
);
create index places_of_chat on places (account_id, connection_id, chat);

-- What arrived, so that nothing is taken in twice, and which message of ours it became.
create table arrivals (
    account_id uuid not null,
    connection_id uuid not null,
    chat text not null,
    external_id text not null,
    -- When it was last edited, by the channel's clock; 0 if never.
    edited bigint not null default 0,
    message_id uuid,
    -- Arrived together with others: they are one to people.
    album text,
    at timestamptz not null,
    primary key (account_id, connection_id, chat, external_id),
    foreign key (account_id, connection_id) references connections (account_id, id)
);
create index arrivals_of_message on arrivals (account_id, message_id) where message_id is not null;
create index arrivals_of_album on arrivals (account_id, connection_id, chat, album) where album is not null;
create index arrivals_of_nothing on arrivals (account_id, at) where message_id is null;

-- What could not be taken in, whoever looks at it.
create table quarantine (
    account_id uuid not null,
    id uuid not null,
    connection_id uuid not null,
    reason text not null,
    body text not null,
    at timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, connection_id) references connections (account_id, id)
);
create index quarantine_old on quarantine (account_id, at);

-- A reply that people saw before it was whole: the delivery of its first part edits that message.
create table begun_replies (
    account_id uuid not null,
    turn_id uuid not null,
    conversation_id uuid not null,
    state text not null check (state in ('sending', 'sent', 'unknown')),
    external_id text,
    at timestamptz not null,
    primary key (account_id, turn_id),
    foreign key (account_id, turn_id) references turns (account_id, id)
);

-- Who may talk to a bot beside those whom its file lists, and who asked.
create table access_grants (
    account_id uuid not null,
    bot_id uuid not null,
    -- As bot files write it: `telegram:12345`.
    handle text not null,
    name text not null,
    state text not null check (state in ('asked', 'approved', 'refused')),
    code text,
    code_until timestamptz,
    told_at timestamptz,
    decided_by text,
    at timestamptz not null,
    primary key (account_id, bot_id, handle),
    foreign key (account_id, bot_id) references bots (account_id, id)
);
create unique index access_grants_code on access_grants (account_id, code) where code is not null;

-- What the system says beside messages is delivered too; its words are not kept once they are sent.
alter table deliveries alter column message_id drop not null;
alter table deliveries add column buttons jsonb;
-- The channel's name for what it answers there, in groups.
alter table deliveries add column reply_to text;

do $$
declare t text;
begin
    foreach t in array array['connections', 'places', 'arrivals', 'quarantine', 'begun_replies', 'access_grants'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy account on %I to botwright_app
            using (account_id = current_account()) with check (account_id = current_account())', t);
        execute format('grant select, insert, update, delete on %I to botwright_app', t);
    end loop;
    create policy system on connections to botwright_system
        using (current_user = 'botwright_system') with check (current_user = 'botwright_system');
    grant select, insert, update, delete on connections to botwright_system;
end $$;
