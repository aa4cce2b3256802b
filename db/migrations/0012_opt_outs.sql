-- What is left of a person who opted out: marks that later changes are refused by, and tell nobody who it was.

CREATE TABLE opt_outs (
    mark bytea PRIMARY KEY CHECK (octet_length(mark) = 16),
    -- Grows with every opt-out: a batch that was computed before the greatest one may not be committed after it.
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    key_id bytea NOT NULL CHECK (octet_length(key_id) = 4),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE opt_outs IS 'Keyed hashes of the ids, profiles and addresses of people who opted out; changes about them are ignored';
COMMENT ON COLUMN opt_outs.key_id IS 'Which key of OPT_OUT_KEY the mark was made with';

CREATE TABLE opt_out_places (
    company_id text COLLATE "C" NOT NULL,
    mark bytea NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (company_id, mark, kafka_partition)
);
COMMENT ON TABLE opt_out_places IS
    'From which record on a company''s changes with this mark are ignored; a fold of the log aside ignores the same ones (law L6)';

ALTER TABLE buyer_groups ADD COLUMN erased integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN buyer_groups.erased IS 'Members who were erased since the last version; the next one says how many, not who';
