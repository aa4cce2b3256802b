-- What opt-outs leave to be searched: bytes of which nobody can tell by a key whom they name. It takes as long as there
-- are letters, so it is done after the opt-out, outside of the transaction that orders commits, and remembered here.

CREATE TABLE erasure_searches (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    names text[] NOT NULL,
    part integer NOT NULL DEFAULT 0,
    -- One that has not begun can be left to another, which searches for its names as well.
    place text[],
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE erasure_searches IS
    'Ids, addresses and profiles of people who opted out, until all that nobody could read was searched for them';
COMMENT ON COLUMN erasure_searches.part IS 'Which table is searched: 0 dead letters, 1 kept webhooks, 2 runs of pipelines';
COMMENT ON COLUMN erasure_searches.place IS 'Key of the last row of it that was searched; empty: none; NULL: it has not begun';
