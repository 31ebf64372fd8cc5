-- Bots as code: what a dashboard may hold, rollbacks that hold, who runs what.

-- Values that the dashboard holds for pointers that the files delegate: {"/model/temperature": 0.2}.
alter table bot_revisions add column overlay jsonb not null default '{}';

-- What a generation changed: [{"address": "bot/support", "action": "update"}], for the history.
alter table config_generations add column changes jsonb not null default '[]';

-- A source that was rolled back takes no older commit until somebody resumes it.
create table config_holds (
    account_id uuid not null references accounts (id),
    source text not null,
    -- The generation that the rollback made, and the commit that it turned away from.
    generation integer not null,
    commit text,
    reason text not null,
    actor text not null,
    created_at timestamptz not null,
    primary key (account_id, source)
);

-- The commit that each source was last applied from, also where that changed nothing.
create table config_commits (
    account_id uuid not null references accounts (id),
    source text not null,
    commit text not null,
    at timestamptz not null,
    primary key (account_id, source)
);

-- Projects on their way to a plan: uploaded once, by the hash of their content.
create table config_bundles (
    account_id uuid not null references accounts (id),
    hash text not null,
    body jsonb not null,
    created_at timestamptz not null,
    primary key (account_id, hash)
);

-- How many generations an account has had: every replica compares it with what it runs.
create table config_versions (
    account_id uuid not null references accounts (id),
    version bigint not null,
    changed_at timestamptz not null,
    primary key (account_id)
);
insert into config_versions (account_id, version, changed_at)
    select account_id, count(*), max(created_at) from config_generations group by account_id;

-- Which version each replica runs. A replica lives as long as it holds the advisory lock (7241005, key).
create table config_replicas (
    account_id uuid not null references accounts (id),
    replica_id uuid not null,
    key integer not null,
    version bigint not null,
    -- What it could not load.
    problem text,
    at timestamptz not null,
    primary key (account_id, replica_id)
);

do $$
declare t text;
begin
    foreach t in array array['config_holds', 'config_commits', 'config_bundles', 'config_versions', 'config_replicas'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy account on %I to botwright_app
            using (account_id = current_account()) with check (account_id = current_account())', t);
        execute format('grant select, insert, update, delete on %I to botwright_app', t);
    end loop;
    foreach t in array array['config_versions', 'config_replicas'] loop
        execute format('create policy system on %I to botwright_system
            using (current_user = ''botwright_system'') with check (current_user = ''botwright_system'')', t);
        execute format('grant select, insert, update, delete on %I to botwright_system', t);
    end loop;
end $$;
