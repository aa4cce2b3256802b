-- The tables of the first release. Times are timestamptz; "log time" is the broker's timestamp of a record and the
-- only clock that decides anything (law L6). Text keys and stamps use the "C" collation: they are compared by code
-- point, as the engine compares them. Every table that grows with the log leads its key with company_id, so that it
-- can be sharded by company.

CREATE FUNCTION from_ms(bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT to_timestamp($1::double precision / 1000) $$;
CREATE FUNCTION to_ms(timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT round(extract(epoch FROM $1) * 1000)::bigint $$;

-- Where the consumer group is in the log. It moves in the transaction of the effects: that is what makes an effect
-- happen once (law L2).
CREATE TABLE consumer_positions (
    topic text NOT NULL,
    kafka_partition integer NOT NULL,
    next_offset bigint NOT NULL,
    log_time timestamptz,
    consumed bigint NOT NULL DEFAULT 0,
    refreshed bigint NOT NULL DEFAULT 0,
    deferred bigint NOT NULL DEFAULT 0,
    superseded bigint NOT NULL DEFAULT 0,
    ignored bigint NOT NULL DEFAULT 0,
    duplicate bigint NOT NULL DEFAULT 0,
    dead_letter bigint NOT NULL DEFAULT 0,
    tick bigint NOT NULL DEFAULT 0,
    wrong_partition bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, kafka_partition),
    -- Law L7: every record that was read has one outcome.
    CONSTRAINT consumed_is_the_sum_of_outcomes CHECK (
        consumed = refreshed + deferred + superseded + ignored + duplicate + dead_letter + tick
    )
);
COMMENT ON COLUMN consumer_positions.next_offset IS 'The next offset to read; compared before every commit';
COMMENT ON COLUMN consumer_positions.log_time IS 'The greatest timestamp read on this partition';
COMMENT ON COLUMN consumer_positions.wrong_partition IS 'Records whose key hashes to another partition (not an outcome)';

CREATE TABLE companies (
    company_id text COLLATE "C" PRIMARY KEY,
    name text,
    name_stamp text COLLATE "C",
    domain text,
    domain_stamp text COLLATE "C",
    industry text,
    industry_stamp text COLLATE "C",
    employee_count bigint,
    employee_count_stamp text COLLATE "C",
    last_refresh_at timestamptz,
    refresh_due_at timestamptz,
    pending_since timestamptz,
    pending_count bigint NOT NULL DEFAULT 0,
    pending_events text[] NOT NULL DEFAULT '{}',
    kafka_partition integer NOT NULL,
    revision bigint NOT NULL,
    -- Law L5: what is pending has a time at which it will be covered.
    CONSTRAINT pending_has_a_due_time CHECK (
        (refresh_due_at IS NULL) = (pending_since IS NULL) AND (refresh_due_at IS NULL) = (pending_count = 0)
    )
);
COMMENT ON COLUMN companies.revision IS
    'Records folded plus refreshes made; whoever writes must have read this value, so two writers cannot lose an update';
COMMENT ON COLUMN companies.name_stamp IS
    'Who said so: occurred at (15 digits, ms), source, event id, joined by U+001F; the greatest wins (law L4)';
CREATE INDEX companies_due ON companies (kafka_partition, refresh_due_at) WHERE refresh_due_at IS NOT NULL;

CREATE TABLE people (
    company_id text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    name text,
    name_stamp text COLLATE "C",
    email text,
    email_stamp text COLLATE "C",
    linkedin_url text,
    linkedin_url_stamp text COLLATE "C",
    country text,
    country_stamp text COLLATE "C",
    PRIMARY KEY (company_id, person_id)
);
COMMENT ON TABLE people IS 'What is known of a person, as one company knows them';

CREATE TABLE employments (
    company_id text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    present boolean NOT NULL,
    present_stamp text COLLATE "C" NOT NULL,
    title text,
    title_stamp text COLLATE "C",
    department text,
    department_stamp text COLLATE "C",
    stated_seniority text,
    stated_seniority_stamp text COLLATE "C",
    joined_at timestamptz,
    first_seen_at timestamptz NOT NULL,
    seniority text,
    function text,
    PRIMARY KEY (company_id, person_id)
);
COMMENT ON COLUMN employments.present IS 'False: they left. The row stays, so that an older change cannot bring them back';
COMMENT ON COLUMN employments.stated_seniority IS 'The provider''s own word, a hint';
COMMENT ON COLUMN employments.seniority IS 'Read from title and hints when the row was written';

CREATE TABLE webhook_events (
    company_id text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    log_time timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('refreshed', 'deferred', 'superseded', 'ignored')),
    reason text,
    refresh_due_at timestamptz,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    deliveries integer NOT NULL DEFAULT 1,
    -- Law L2: one effect for one identity, however often it is delivered.
    PRIMARY KEY (company_id, source, event_id)
);
COMMENT ON TABLE webhook_events IS 'The inbox: every change that was read once, with its outcome (law L7)';
COMMENT ON COLUMN webhook_events.refresh_due_at IS
    'The refresh that covers the change: buyer_group_refresh_logs has the row with this log_time';
COMMENT ON COLUMN webhook_events.deliveries IS 'How often the change was read from the log; all but the first had no effect';
CREATE INDEX webhook_events_by_age ON webhook_events USING brin (log_time);

CREATE TABLE buyer_group_refresh_logs (
    company_id text COLLATE "C" NOT NULL,
    log_time timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause IN ('change', 'trailing', 'requested')),
    changes_covered bigint NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('changed', 'unchanged')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, log_time)
);
COMMENT ON COLUMN buyer_group_refresh_logs.started_at IS 'The consumer''s clock, for people; in no digest';

CREATE TABLE pipeline_operations (
    company_id text COLLATE "C" NOT NULL,
    step text NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    input_hash text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed')),
    error text,
    duration_ms double precision,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, step, idempotency_key)
);
COMMENT ON TABLE pipeline_operations IS 'Each run of an idempotent step, by its idempotency key';

CREATE TABLE workspaces (
    workspace_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    counts_from timestamptz NOT NULL,
    policy jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, version)
);
COMMENT ON TABLE workspaces IS
    'Policy versions; without a row there is one workspace, default, with the default policy, tracking every company';

CREATE TABLE buyer_groups (
    company_id text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    refreshed_at timestamptz NOT NULL,
    changed_at timestamptz,
    policy_version integer NOT NULL,
    PRIMARY KEY (company_id, workspace_id)
);
COMMENT ON COLUMN buyer_groups.version IS 'Counts changes of content; 0 while the group has never had anybody in it';
COMMENT ON COLUMN buyer_groups.refreshed_at IS 'Log time of the last refresh, whether or not it changed anything';

CREATE TABLE buyer_group_members (
    company_id text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    role text NOT NULL CHECK (role IN ('decision_maker', 'champion', 'stakeholder', 'blocker', 'introducer')),
    name text,
    title text,
    seniority text,
    function text,
    score integer NOT NULL,
    why text NOT NULL,
    PRIMARY KEY (company_id, workspace_id, person_id, role)
);

CREATE TABLE buyer_group_changes (
    company_id text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    position integer NOT NULL,
    log_time timestamptz NOT NULL,
    kind text NOT NULL,
    person_id text,
    name text,
    before text,
    after text,
    why text NOT NULL,
    event_ids text[] NOT NULL,
    PRIMARY KEY (company_id, workspace_id, version, position)
);
COMMENT ON TABLE buyer_group_changes IS 'Append-only: what made each version';

CREATE TABLE outbox (
    company_id text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    topic text NOT NULL,
    value bytea NOT NULL,
    log_time timestamptz NOT NULL,
    -- A receiver sees (workspace, company, version) once.
    PRIMARY KEY (company_id, workspace_id, version)
);

CREATE TABLE dead_letters (
    topic text NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    company_id text,
    key bytea,
    value bytea,
    headers jsonb NOT NULL DEFAULT '[]',
    log_time timestamptz NOT NULL,
    reason text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'retried', 'discarded')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, kafka_partition, kafka_offset)
);
COMMENT ON TABLE dead_letters IS 'Records that could not be applied, whole, so that each can be retried at any later time';

CREATE VIEW roster AS
SELECT e.company_id, e.person_id, p.name, e.title, e.seniority, e.function, e.department, p.email, p.linkedin_url,
       p.country, coalesce(e.joined_at, e.first_seen_at) AS since
FROM employments e JOIN people p USING (company_id, person_id)
WHERE e.present;
COMMENT ON VIEW roster IS 'One row a current employment';

CREATE VIEW groups AS
SELECT g.workspace_id, g.company_id, g.version, g.refreshed_at, m.person_id, m.name, m.title, m.role, m.score, m.why
FROM buyer_groups g JOIN buyer_group_members m USING (company_id, workspace_id);
COMMENT ON VIEW groups IS 'One row a member and role of a current buyer group';

CREATE VIEW outcomes AS
SELECT company_id, source, event_id, outcome, reason, log_time FROM webhook_events;
COMMENT ON VIEW outcomes IS 'What became of each change';
