-- A row in every table, for the account of the transaction: later migrations are tested with rows present,
-- and the walls between accounts are proved on them.
insert into people (account_id, id, name, created_at)
    values (current_account(), '00000000-0000-7000-8000-000000000010', 'Anna', now());
insert into identities (account_id, channel, external_id, person_id)
    values (current_account(), 'operator', 'operator', '00000000-0000-7000-8000-000000000010');
insert into api_tokens (account_id, id, name, hash, scopes, person_id, created_at)
    values (current_account(), '00000000-0000-7000-8000-000000000011', 'ci',
        sha256(current_account()::text::bytea), '{chat,read}', '00000000-0000-7000-8000-000000000010', now());
insert into secrets (account_id, id, name, sealed, created_at, updated_at)
    values (current_account(), '00000000-0000-7000-8000-000000000012', 'OPENAI_API_KEY', '\x00', now(), now());
insert into config_generations (account_id, id, source, number, hash, project, manifest, provenance, created_at)
    values (current_account(), '00000000-0000-7000-8000-000000000013', 'git:acme/bots', 1, 'hash', '{}', '{}', '{}', now());
insert into bots (account_id, id, name, source, revision_id, created_at, updated_at)
    values (current_account(), '00000000-0000-7000-8000-000000000014', 'support', 'git:acme/bots',
        '00000000-0000-7000-8000-000000000015', now(), now());
insert into bot_revisions (account_id, id, bot_id, number, hash, content, created_at)
    values (current_account(), '00000000-0000-7000-8000-000000000015', '00000000-0000-7000-8000-000000000014', 1,
        'hash', '{"name": "support"}', now());
insert into conversations (account_id, id, bot_id, channel, key, person_id, last_ordinal, last_event, created_at, updated_at)
    values (current_account(), '00000000-0000-7000-8000-000000000016', '00000000-0000-7000-8000-000000000014', 'graphql',
        'person:1', '00000000-0000-7000-8000-000000000010', 2, 3, now(), now());
insert into participants (account_id, conversation_id, person_id, name)
    values (current_account(), '00000000-0000-7000-8000-000000000016', '00000000-0000-7000-8000-000000000010', 'Anna');
insert into turns (account_id, id, conversation_id, bot_id, revision_id, state, attempt, first_ordinal, last_seq, created_at)
    values (current_account(), '00000000-0000-7000-8000-000000000017', '00000000-0000-7000-8000-000000000016',
        '00000000-0000-7000-8000-000000000014', '00000000-0000-7000-8000-000000000015', 'completed', 1, 1, 2, now());
insert into turn_events (account_id, turn_id, seq, kind, body)
    values (current_account(), '00000000-0000-7000-8000-000000000017', 1, 'text', '{"text": "Hello"}'),
        (current_account(), '00000000-0000-7000-8000-000000000017', 2, 'completed', '{}');
insert into messages (account_id, id, conversation_id, ordinal, role, person_id, author, text, turn_id, sent_at)
    values (current_account(), '00000000-0000-7000-8000-000000000018', '00000000-0000-7000-8000-000000000016', 1, 'person',
            '00000000-0000-7000-8000-000000000010', 'Anna', 'Hi', '00000000-0000-7000-8000-000000000017', now()),
        (current_account(), '00000000-0000-7000-8000-000000000019', '00000000-0000-7000-8000-000000000016', 2, 'bot',
            null, 'Support', 'Hello', '00000000-0000-7000-8000-000000000017', now());
insert into message_versions (account_id, message_id, version, text, at)
    values (current_account(), '00000000-0000-7000-8000-000000000018', 1, 'Hj', now());
insert into conversation_events (account_id, conversation_id, seq, kind, message_id, at)
    values (current_account(), '00000000-0000-7000-8000-000000000016', 1, 'message',
        '00000000-0000-7000-8000-000000000018', now());
insert into deliveries (account_id, id, conversation_id, message_id, channel, part, text, state, created_at)
    values (current_account(), '00000000-0000-7000-8000-00000000001a', '00000000-0000-7000-8000-000000000016',
        '00000000-0000-7000-8000-000000000019', 'telegram', 1, 'Hello', 'sent', now());
insert into summaries (account_id, id, conversation_id, from_ordinal, to_ordinal, text, tokens, model, created_at)
    values (current_account(), '00000000-0000-7000-8000-00000000001b', '00000000-0000-7000-8000-000000000016', 1, 2,
        'They greeted each other.', 5, 'offline', now());
insert into usage_events (account_id, id, bot_id, purpose, model, input_tokens, cached_tokens, output_tokens, at)
    values (current_account(), '00000000-0000-7000-8000-00000000001c', '00000000-0000-7000-8000-000000000014', 'turn',
        'offline', 10, 0, 2, now());
insert into jobs (account_id, id, kind, payload, key, state, run_at, created_at)
    values (current_account(), '00000000-0000-7000-8000-00000000001d', 'summarize', '{}', 'x', 'done', now(), now());
insert into schedules (account_id, id, kind, key, payload, cron, timezone, next_at)
    values (current_account(), '00000000-0000-7000-8000-00000000001e', 'digest', 'x', '{}', '0 4 * * *', 'Europe/Kyiv',
        now() + interval '1 day');
insert into idempotency_keys (account_id, principal, operation, key, fingerprint, result, created_at)
    values (current_account(), 'x', 'sendMessage', 'k', 'f', '{}', now());
insert into audit_log (account_id, id, at, actor, action, subject, detail)
    values (current_account(), '00000000-0000-7000-8000-00000000001f', now(), 'operator', 'config.apply', 'git:acme/bots', '{}');
