-- What is said of people without a company that we know, companies under other people's ids, and webhooks that nobody
-- could read.

-- The resolver asks where a person is known, whatever the company.
CREATE INDEX employments_by_person ON employments (person_id);

CREATE TABLE parked_hints (
    source text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    log_time timestamptz NOT NULL,
    reason text NOT NULL,
    value bytea,
    status text NOT NULL DEFAULT 'parked' CHECK (status IN ('parked', 'resolved')),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A hint that is delivered again is parked once.
    PRIMARY KEY (source, person_id, event_id),
    -- Law L1: what waits can be told again; what no longer does keeps nothing of the person.
    CONSTRAINT parked_has_its_bytes CHECK ((status = 'parked') = (value IS NOT NULL))
);
COMMENT ON TABLE parked_hints IS 'Hints that no company could be told of yet, with their bytes and the reason';
COMMENT ON COLUMN parked_hints.person_id IS 'As the source knows them';
CREATE INDEX parked_hints_waiting ON parked_hints (log_time, source, person_id, event_id) WHERE status = 'parked';

CREATE TABLE company_aliases (
    source text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('id', 'domain')),
    alias text COLLATE "C" NOT NULL,
    company_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A source's id means one company of ours; a domain means one, whoever names it.
    PRIMARY KEY (source, kind, alias),
    CONSTRAINT domains_belong_to_nobody CHECK ((kind = 'domain') = (source = ''))
);
CREATE INDEX company_aliases_by_company ON company_aliases (company_id);
COMMENT ON TABLE company_aliases IS 'Whose id, or which domain in lower case, means which company of ours';

CREATE TABLE webhook_dead_letters (
    source text COLLATE "C" NOT NULL,
    body_sha256 bytea NOT NULL,
    body bytea NOT NULL,
    field text NOT NULL,
    reason text NOT NULL,
    received_at timestamptz NOT NULL,
    deliveries bigint NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'read', 'discarded')),
    -- The same bytes again are the same letter, so a sender that repeats itself fills nothing.
    PRIMARY KEY (source, body_sha256)
);
COMMENT ON TABLE webhook_dead_letters IS 'Authentic webhooks that no adapter could read, whole, answered with success';
COMMENT ON COLUMN webhook_dead_letters.received_at IS 'When the bytes came first';
CREATE INDEX webhook_dead_letters_by_age ON webhook_dead_letters (received_at);
