-- What was brought along from elsewhere: by what it was known there, so that it comes in once.
create table imports (
    account_id uuid not null,
    conversation_id uuid not null,
    -- As it was given (`id:…`), or a hash of when, who and what, with how many equal ones came before it.
    external_id text not null,
    message_id uuid not null,
    primary key (account_id, conversation_id, external_id),
    foreign key (account_id, conversation_id) references conversations (account_id, id) on delete cascade,
    foreign key (account_id, message_id) references messages (account_id, id) on delete cascade
);
create index imports_of_message on imports (account_id, message_id);

alter table imports enable row level security;
alter table imports force row level security;
create policy account on imports to botwright_app
    using (account_id = current_account()) with check (account_id = current_account());
grant select, insert, update, delete on imports to botwright_app;
