-- Answers that are given anew, ratings, versions of conversations, uploads.

-- Several turns may answer the same words: the first take, and those that somebody asked for after it.
alter table turns add column take integer not null default 1;
-- The first of them; null for the first itself.
alter table turns add column again_of uuid;
alter table turns add foreign key (account_id, again_of) references turns (account_id, id);
create index turns_takes on turns (account_id, again_of) where again_of is not null;

-- The reply that took its place. The text stays; nobody is shown it, and no model hears it.
alter table messages add column superseded_by uuid;
alter table messages add foreign key (account_id, superseded_by) references messages (account_id, id);
create index messages_superseded on messages (account_id, superseded_by) where superseded_by is not null;

-- Grows with every change that a person makes to it (its title); not with what is said in it.
alter table conversations add column version integer not null default 1;

-- What a person thinks of a bot's message: one opinion each.
create table message_ratings (
    account_id uuid not null,
    message_id uuid not null,
    person_id uuid not null,
    -- `none`: taken back.
    rating text not null check (rating in ('up', 'down', 'none')),
    comment text,
    version integer not null default 1,
    rated_at timestamptz not null,
    primary key (account_id, message_id, person_id),
    foreign key (account_id, message_id) references messages (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id)
);

-- Files on their way to a message, and those that belong to one.
create table uploads (
    account_id uuid not null,
    id uuid not null,
    person_id uuid not null,
    filename text not null,
    content_type text not null,
    -- In bytes.
    size integer not null check (size > 0),
    sha256 bytea not null check (length(sha256) = 32),
    created_at timestamptz not null,
    -- When its content arrived; null while it is awaited.
    completed_at timestamptz,
    -- The message that it belongs to, and its place there, from 1.
    message_id uuid,
    position integer,
    primary key (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id),
    foreign key (account_id, message_id) references messages (account_id, id),
    constraint uploads_place check ((message_id is null) = (position is null)),
    constraint uploads_used_when_complete check (message_id is null or completed_at is not null)
);
create index uploads_of_message on uploads (account_id, message_id) where message_id is not null;
create index uploads_of_person on uploads (account_id, person_id);
create index uploads_unused on uploads (account_id, created_at) where message_id is null;

-- Apart, so that nobody reads ten megabytes to learn a name.
create table upload_contents (
    account_id uuid not null,
    upload_id uuid not null,
    content bytea not null,
    primary key (account_id, upload_id),
    foreign key (account_id, upload_id) references uploads (account_id, id) on delete cascade
);

do $$
declare t text;
begin
    foreach t in array array['message_ratings', 'uploads', 'upload_contents'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy account on %I to botwright_app
            using (account_id = current_account()) with check (account_id = current_account())', t);
        execute format('grant select, insert, update, delete on %I to botwright_app', t);
    end loop;
end $$;
