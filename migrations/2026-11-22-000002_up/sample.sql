-- A row in every new table, for the account of the transaction.
insert into message_ratings (account_id, message_id, person_id, rating, comment, rated_at)
    values (current_account(), '00000000-0000-7000-8000-000000000019', '00000000-0000-7000-8000-000000000010', 'up',
        'Kind.', now());
insert into uploads (account_id, id, person_id, filename, content_type, size, sha256, created_at, completed_at, message_id, position)
    values (current_account(), '00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000010',
        'notes.txt', 'text/plain', 2, sha256('Hi'::bytea), now(), now(), '00000000-0000-7000-8000-000000000018', 1);
insert into upload_contents (account_id, upload_id, content)
    values (current_account(), '00000000-0000-7000-8000-000000000021', 'Hi'::bytea);
