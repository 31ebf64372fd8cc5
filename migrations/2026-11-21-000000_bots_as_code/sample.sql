-- A row in every new table, for the account of the transaction.
insert into config_holds (account_id, source, generation, commit, reason, actor, created_at)
    values (current_account(), 'git:acme/bots', 1, 'c0ffee', 'the greeting was wrong', 'operator', now());
insert into config_bundles (account_id, hash, body, created_at)
    values (current_account(), 'hash', '{"files": {}}', now());
insert into config_versions (account_id, version, changed_at) values (current_account(), 1, now());
insert into config_replicas (account_id, replica_id, key, version, at)
    values (current_account(), '00000000-0000-7000-8000-000000000020', 32, 1, now());
insert into config_commits (account_id, source, commit, at) values (current_account(), 'git:acme/bots', 'c0ffee', now());
