-- A row in every new table, for the account of the transaction.
insert into documents (account_id, id, bot_id, conversation_id, person_id, message_id, title, bytes, tokens, passages, sent_at)
    values (current_account(), '00000000-0000-7000-8000-000000000023', '00000000-0000-7000-8000-000000000014',
        '00000000-0000-7000-8000-000000000016', '00000000-0000-7000-8000-000000000010',
        '00000000-0000-7000-8000-000000000018', 'A lease', 9000, 3000, 1, now());
insert into passages (account_id, id, document_id, ordinal, heading, text, tokens)
    values (current_account(), '00000000-0000-7000-8000-000000000024', '00000000-0000-7000-8000-000000000023', 1,
        'A lease', 'The rent is due on the first.', 8);
