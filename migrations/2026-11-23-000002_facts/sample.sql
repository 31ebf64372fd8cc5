-- A row in every new table, for the account of the transaction.
insert into facts (account_id, id, bot_id, conversation_id, person_id, about, text, importance, state, said_at, created_at, updated_at)
    values (current_account(), '00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000014',
        '00000000-0000-7000-8000-000000000016', '00000000-0000-7000-8000-000000000010', 'Anna', 'Anna says hello.', 2,
        'active', now(), now(), now());
insert into fact_sources (account_id, fact_id, message_id)
    values (current_account(), '00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000018');
insert into fact_versions (account_id, fact_id, version, action, by, text, importance, state, at)
    values (current_account(), '00000000-0000-7000-8000-000000000022', 1, 'added', 'summary', 'Anna says hello.', 2,
        'active', now());
