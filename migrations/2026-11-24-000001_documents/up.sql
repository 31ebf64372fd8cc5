-- Texts that are too long to be read at once: a message or a file of it holds them whole, and they are read by passages.

create table documents (
    account_id uuid not null,
    id uuid not null,
    bot_id uuid not null,
    -- Where it was sent, and whose private conversation that is (null in a group): the walls of messages.
    conversation_id uuid not null,
    person_id uuid,
    -- The message whose text it is, or (where one is named) whose file's.
    message_id uuid not null,
    upload_id uuid,
    title text not null,
    -- Of the whole text.
    bytes integer not null,
    tokens integer not null,
    -- How many there are.
    passages integer not null,
    sent_at timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, bot_id) references bots (account_id, id),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id),
    foreign key (account_id, message_id) references messages (account_id, id),
    foreign key (account_id, upload_id) references uploads (account_id, id) on delete cascade
);
create unique index documents_of_message on documents (account_id, message_id) where upload_id is null;
create unique index documents_of_upload on documents (account_id, upload_id) where upload_id is not null;
create index documents_by_message on documents (account_id, message_id);
create index documents_of_bot on documents (account_id, bot_id, person_id);

create table passages (
    account_id uuid not null,
    id uuid not null,
    document_id uuid not null,
    -- Its place in the document, from 1.
    ordinal integer not null,
    -- The path of the headings above it; empty where there are none.
    heading text not null,
    text text not null,
    tokens integer not null,
    primary key (account_id, id),
    foreign key (account_id, document_id) references documents (account_id, id) on delete cascade,
    constraint passages_place_key unique (account_id, document_id, ordinal)
);

create trigger record_change after insert or update or delete on passages
    for each row execute function record_change('passage');

-- What a message became is news of the message: it is found by other words then.
create function record_document() returns trigger language plpgsql as $$
declare
    document record;
begin
    if tg_op = 'DELETE' then document := old; else document := new; end if;
    insert into changes (account_id, epoch, xid, kind, entity_id, operation, audience)
    values (
        document.account_id,
        coalesce((select max(epoch) from feed_epochs), 0),
        pg_current_xact_id()::text::bigint,
        'message',
        document.message_id,
        'upsert',
        document.person_id);
    return null;
end $$;
create trigger record_document after insert or delete on documents
    for each row execute function record_document();

do $$
declare t text;
begin
    foreach t in array array['documents', 'passages'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy account on %I to botwright_app
            using (account_id = current_account()) with check (account_id = current_account())', t);
        execute format('grant select, insert, update, delete on %I to botwright_app', t);
    end loop;
end $$;
