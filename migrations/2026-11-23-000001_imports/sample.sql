insert into imports (account_id, conversation_id, external_id, message_id)
    values (current_account(), '00000000-0000-7000-8000-000000000016', 'id:1', '00000000-0000-7000-8000-000000000018');
