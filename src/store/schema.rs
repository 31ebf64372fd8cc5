//! The tables as Diesel sees them. Written by hand; a test compares it with `information_schema`.

diesel::table! {
    accounts (id) {
        id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    people (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        name -> Text,
        language -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    identities (account_id, channel, external_id) {
        account_id -> Uuid,
        channel -> Text,
        external_id -> Text,
        person_id -> Uuid,
    }
}

diesel::table! {
    api_tokens (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        name -> Text,
        hash -> Bytea,
        scopes -> Array<Text>,
        person_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    secrets (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        name -> Text,
        sealed -> Bytea,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    config_generations (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        source -> Text,
        number -> Int4,
        hash -> Text,
        project -> Jsonb,
        manifest -> Jsonb,
        provenance -> Jsonb,
        created_at -> Timestamptz,
        changes -> Jsonb,
    }
}

diesel::table! {
    config_holds (account_id, source) {
        account_id -> Uuid,
        source -> Text,
        generation -> Int4,
        commit -> Nullable<Text>,
        reason -> Text,
        actor -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    config_commits (account_id, source) {
        account_id -> Uuid,
        source -> Text,
        commit -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    config_bundles (account_id, hash) {
        account_id -> Uuid,
        hash -> Text,
        body -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    config_versions (account_id) {
        account_id -> Uuid,
        version -> Int8,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    config_replicas (account_id, replica_id) {
        account_id -> Uuid,
        replica_id -> Uuid,
        key -> Int4,
        version -> Int8,
        problem -> Nullable<Text>,
        at -> Timestamptz,
    }
}

diesel::table! {
    bots (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        name -> Text,
        source -> Text,
        revision_id -> Uuid,
        archived_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    bot_revisions (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        bot_id -> Uuid,
        number -> Int4,
        hash -> Text,
        content -> Jsonb,
        created_at -> Timestamptz,
        overlay -> Jsonb,
    }
}

diesel::table! {
    conversations (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        bot_id -> Uuid,
        channel -> Text,
        key -> Text,
        person_id -> Nullable<Uuid>,
        title -> Nullable<Text>,
        last_ordinal -> Int4,
        last_event -> Int4,
        window_from -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        session_hours -> Nullable<Int4>,
    }
}

diesel::table! {
    forget_requests (account_id, conversation_id, person_id) {
        account_id -> Uuid,
        conversation_id -> Uuid,
        person_id -> Uuid,
        messages -> Array<Uuid>,
        facts -> Array<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    participants (account_id, conversation_id, person_id) {
        account_id -> Uuid,
        conversation_id -> Uuid,
        person_id -> Uuid,
        name -> Text,
    }
}

diesel::table! {
    turns (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        conversation_id -> Uuid,
        bot_id -> Uuid,
        revision_id -> Uuid,
        state -> Text,
        attempt -> Int4,
        inputs -> Int4,
        shown -> Bool,
        cancel_requested -> Bool,
        leased_by -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        first_ordinal -> Int4,
        last_seq -> Int4,
        reply_id -> Nullable<Uuid>,
        model -> Nullable<Text>,
        usage -> Nullable<Jsonb>,
        failure -> Nullable<Jsonb>,
        report -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        person_id -> Nullable<Uuid>,
        take -> Int4,
        again_of -> Nullable<Uuid>,
        wishes -> Nullable<Jsonb>,
        waits_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    turn_events (account_id, turn_id, seq) {
        account_id -> Uuid,
        turn_id -> Uuid,
        seq -> Int4,
        kind -> Text,
        body -> Jsonb,
        at -> Timestamptz,
    }
}

diesel::table! {
    messages (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        conversation_id -> Uuid,
        ordinal -> Int4,
        role -> Text,
        person_id -> Nullable<Uuid>,
        author -> Text,
        text -> Text,
        version -> Int4,
        turn_id -> Nullable<Uuid>,
        sent_at -> Timestamptz,
        edited_at -> Nullable<Timestamptz>,
        erased_at -> Nullable<Timestamptz>,
        superseded_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    message_ratings (account_id, message_id, person_id) {
        account_id -> Uuid,
        message_id -> Uuid,
        person_id -> Uuid,
        rating -> Text,
        comment -> Nullable<Text>,
        version -> Int4,
        rated_at -> Timestamptz,
    }
}

diesel::table! {
    uploads (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        person_id -> Uuid,
        filename -> Text,
        content_type -> Text,
        size -> Int4,
        sha256 -> Bytea,
        created_at -> Timestamptz,
        completed_at -> Nullable<Timestamptz>,
        message_id -> Nullable<Uuid>,
        position -> Nullable<Int4>,
    }
}

diesel::table! {
    upload_contents (account_id, upload_id) {
        account_id -> Uuid,
        upload_id -> Uuid,
        content -> Bytea,
    }
}

diesel::table! {
    message_versions (account_id, message_id, version) {
        account_id -> Uuid,
        message_id -> Uuid,
        version -> Int4,
        text -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    conversation_events (account_id, conversation_id, seq) {
        account_id -> Uuid,
        conversation_id -> Uuid,
        seq -> Int4,
        kind -> Text,
        message_id -> Nullable<Uuid>,
        turn_id -> Nullable<Uuid>,
        state -> Nullable<Text>,
        at -> Timestamptz,
    }
}

diesel::table! {
    deliveries (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        conversation_id -> Uuid,
        turn_id -> Nullable<Uuid>,
        message_id -> Nullable<Uuid>,
        channel -> Text,
        part -> Int4,
        text -> Text,
        state -> Text,
        external_id -> Nullable<Text>,
        attempts -> Int4,
        run_at -> Timestamptz,
        leased_by -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        created_at -> Timestamptz,
        buttons -> Nullable<Jsonb>,
        reply_to -> Nullable<Text>,
    }
}

diesel::table! {
    summaries (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        conversation_id -> Uuid,
        from_ordinal -> Int4,
        to_ordinal -> Int4,
        text -> Text,
        tokens -> Int4,
        model -> Text,
        created_at -> Timestamptz,
        kind -> Text,
        since -> Nullable<Timestamptz>,
        until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    documents (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        bot_id -> Uuid,
        conversation_id -> Uuid,
        person_id -> Nullable<Uuid>,
        message_id -> Uuid,
        upload_id -> Nullable<Uuid>,
        title -> Text,
        bytes -> Int4,
        tokens -> Int4,
        passages -> Int4,
        sent_at -> Timestamptz,
    }
}

diesel::table! {
    passages (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        document_id -> Uuid,
        ordinal -> Int4,
        heading -> Text,
        text -> Text,
        tokens -> Int4,
    }
}

diesel::table! {
    facts (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        bot_id -> Uuid,
        conversation_id -> Uuid,
        person_id -> Nullable<Uuid>,
        about -> Text,
        text -> Text,
        importance -> Int4,
        state -> Text,
        superseded_by -> Nullable<Uuid>,
        said_at -> Timestamptz,
        use_count -> Int4,
        last_used_at -> Nullable<Timestamptz>,
        last_used_in -> Nullable<Uuid>,
        last_used_ordinal -> Nullable<Int4>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    fact_sources (account_id, fact_id, message_id) {
        account_id -> Uuid,
        fact_id -> Uuid,
        message_id -> Uuid,
    }
}

diesel::table! {
    fact_versions (account_id, fact_id, version) {
        account_id -> Uuid,
        fact_id -> Uuid,
        version -> Int4,
        action -> Text,
        by -> Text,
        text -> Text,
        importance -> Int4,
        state -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    usage_events (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        bot_id -> Uuid,
        conversation_id -> Nullable<Uuid>,
        turn_id -> Nullable<Uuid>,
        person_id -> Nullable<Uuid>,
        purpose -> Text,
        model -> Text,
        input_tokens -> Int4,
        cached_tokens -> Int4,
        output_tokens -> Int4,
        cost_usd -> Nullable<Float8>,
        at -> Timestamptz,
    }
}

diesel::table! {
    jobs (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        payload -> Jsonb,
        key -> Text,
        state -> Text,
        attempts -> Int4,
        run_at -> Timestamptz,
        leased_by -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    schedules (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        key -> Text,
        payload -> Jsonb,
        cron -> Text,
        timezone -> Text,
        next_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (account_id, principal, operation, key) {
        account_id -> Uuid,
        principal -> Text,
        operation -> Text,
        key -> Text,
        fingerprint -> Text,
        result -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_log (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor -> Text,
        action -> Text,
        subject -> Text,
        detail -> Jsonb,
    }
}

diesel::table! {
    feed_epochs (epoch) {
        epoch -> Int4,
        system_identifier -> Text,
        database_oid -> Int8,
        timeline -> Int4,
        started_at -> Timestamptz,
        pruned_xid -> Int8,
        pruned_seq -> Int8,
    }
}

diesel::table! {
    changes (account_id, epoch, xid, seq) {
        account_id -> Uuid,
        epoch -> Int4,
        xid -> Int8,
        seq -> Int8,
        kind -> Text,
        entity_id -> Uuid,
        operation -> Text,
        at -> Timestamptz,
        audience -> Nullable<Uuid>,
    }
}

diesel::table! {
    imports (account_id, conversation_id, external_id) {
        account_id -> Uuid,
        conversation_id -> Uuid,
        external_id -> Text,
        message_id -> Uuid,
    }
}

diesel::table! {
    connections (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        bot_id -> Uuid,
        channel -> Text,
        origin -> Text,
        secret -> Text,
        mode -> Text,
        state -> Text,
        last_error -> Nullable<Text>,
        error_at -> Nullable<Timestamptz>,
        fingerprint -> Nullable<Bytea>,
        external_id -> Nullable<Int8>,
        username -> Nullable<Text>,
        reads_groups -> Nullable<Bool>,
        menu -> Nullable<Text>,
        leased_by -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    places (account_id, conversation_id) {
        account_id -> Uuid,
        conversation_id -> Uuid,
        connection_id -> Uuid,
        chat -> Text,
        thread -> Nullable<Text>,
        is_group -> Bool,
        unreachable_at -> Nullable<Timestamptz>,
        quiet_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    arrivals (account_id, connection_id, chat, external_id) {
        account_id -> Uuid,
        connection_id -> Uuid,
        chat -> Text,
        external_id -> Text,
        edited -> Int8,
        message_id -> Nullable<Uuid>,
        album -> Nullable<Text>,
        at -> Timestamptz,
    }
}

diesel::table! {
    quarantine (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        connection_id -> Uuid,
        reason -> Text,
        body -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    begun_replies (account_id, turn_id) {
        account_id -> Uuid,
        turn_id -> Uuid,
        conversation_id -> Uuid,
        state -> Text,
        external_id -> Nullable<Text>,
        at -> Timestamptz,
    }
}

diesel::table! {
    access_grants (account_id, bot_id, handle) {
        account_id -> Uuid,
        bot_id -> Uuid,
        handle -> Text,
        name -> Text,
        state -> Text,
        code -> Nullable<Text>,
        code_until -> Nullable<Timestamptz>,
        told_at -> Nullable<Timestamptz>,
        decided_by -> Nullable<Text>,
        at -> Timestamptz,
    }
}
