-- A row in every new table, for the account of the transaction.
insert into connections (account_id, id, bot_id, channel, origin, secret, mode, state, fingerprint, external_id, created_at, updated_at)
    values (current_account(), '00000000-0000-7000-8000-000000000040', '00000000-0000-7000-8000-000000000014', 'telegram',
        'file', 'TELEGRAM_TOKEN', 'auto', 'running', sha256(current_account()::text::bytea),
        ('x' || right(current_account()::text, 8))::bit(32)::bigint, now(), now());
insert into places (account_id, conversation_id, connection_id, chat, is_group)
    values (current_account(), '00000000-0000-7000-8000-000000000016', '00000000-0000-7000-8000-000000000040', '12345', false);
insert into arrivals (account_id, connection_id, chat, external_id, message_id, at)
    values (current_account(), '00000000-0000-7000-8000-000000000040', '12345', '1',
        '00000000-0000-7000-8000-000000000018', now());
insert into quarantine (account_id, id, connection_id, reason, body, at)
    values (current_account(), '00000000-0000-7000-8000-000000000041', '00000000-0000-7000-8000-000000000040', 'no id', '{}', now());
insert into begun_replies (account_id, turn_id, conversation_id, state, external_id, at)
    values (current_account(), '00000000-0000-7000-8000-000000000017', '00000000-0000-7000-8000-000000000016', 'sent', '2', now());
insert into access_grants (account_id, bot_id, handle, name, state, code, code_until, at)
    values (current_account(), '00000000-0000-7000-8000-000000000014', 'telegram:12345', 'Anna', 'asked', 'ABCD-EFGH',
        now() + interval '1 hour', now());
