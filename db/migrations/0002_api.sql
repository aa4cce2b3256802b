-- What the HTTP API needs: tokens, idempotency keys, and a way from an event's id to its outcomes.

CREATE TABLE api_tokens (
    token_id text COLLATE "C" PRIMARY KEY,
    -- SHA-256 of the token: it is never stored, so a copy of this table lets nobody in.
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    name text NOT NULL,
    scopes text[] NOT NULL
        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'refresh', 'operate']),
    workspace_id text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
COMMENT ON TABLE api_tokens IS 'Who may use the API, for what';
COMMENT ON COLUMN api_tokens.workspace_id IS 'The one workspace the token is for; NULL is all of them';

CREATE TABLE idempotency_keys (
    token_id text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    event_id text NOT NULL,
    answer text,
    leased_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- A key means one request of one token: two tokens may use the same key.
    PRIMARY KEY (token_id, idempotency_key)
);
COMMENT ON TABLE idempotency_keys IS 'Requests that were sent with an Idempotency-Key, until they expire';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'SHA-256 of the payload: the same key with another one is refused';
COMMENT ON COLUMN idempotency_keys.event_id IS
    'Of the change that the request publishes: a repetition after a crash publishes the same one, which has one effect';
COMMENT ON COLUMN idempotency_keys.answer IS 'The body of the 202; NULL while the request is under way';
COMMENT ON COLUMN idempotency_keys.leased_until IS 'Until then an unanswered request counts as under way';
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- The inbox's key leads with the company, so that it can be sharded by company; who asks for an outcome knows only source
-- and event id. Write cost: one more B-tree entry for each new change (about 60 bytes with ids of 20), none for a
-- duplicate or an update of `deliveries`, as no indexed column changes. Ids of senders that count upwards land on the
-- same few pages; random ids cost a page each. Pruning by age pays for it once more.
CREATE INDEX webhook_events_by_event ON webhook_events (source, event_id);

-- The same for dead letters, by the CloudEvents headers they came with. They are few: the cost is of no weight.
CREATE INDEX dead_letters_by_header ON dead_letters USING gin (headers jsonb_path_ops);
