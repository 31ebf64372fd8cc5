-- How far back a conversation is heard word for word, and what people were asked whether to erase.

-- In hours; null: as the bot's file says.
alter table conversations add column session_hours integer check (session_hours between 1 and 720);

-- What `/forget` showed and awaits a yes for: ids, never words.
create table forget_requests (
    account_id uuid not null,
    conversation_id uuid not null,
    person_id uuid not null,
    messages uuid[] not null,
    facts uuid[] not null,
    created_at timestamptz not null,
    primary key (account_id, conversation_id, person_id),
    foreign key (account_id, conversation_id) references conversations (account_id, id),
    foreign key (account_id, person_id) references people (account_id, id)
);

alter table forget_requests enable row level security;
alter table forget_requests force row level security;
create policy account on forget_requests to botwright_app
    using (account_id = current_account()) with check (account_id = current_account());
grant select, insert, update, delete on forget_requests to botwright_app;
