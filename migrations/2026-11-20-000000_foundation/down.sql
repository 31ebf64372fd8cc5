drop table changes, feed_epochs, audit_log, idempotency_keys, schedules, jobs, usage_events, summaries,
    deliveries, conversation_events, message_versions, messages, turn_events, turns, participants,
    conversations, bot_revisions, bots, config_generations, secrets, api_tokens, identities, people,
    accounts cascade;
drop function record_change();
drop function current_account();
-- The roles stay: other databases of this cluster may use them.
