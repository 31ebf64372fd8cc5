-- A row in every new table, for the account of the transaction.
insert into forget_requests (account_id, conversation_id, person_id, messages, facts, created_at)
    values (current_account(), '00000000-0000-7000-8000-000000000016', '00000000-0000-7000-8000-000000000010',
        array['00000000-0000-7000-8000-000000000018'::uuid], '{}', now());
