-- What operators do to the tables: promote a fold of the log, settle dead letters.

ALTER TABLE consumer_positions ADD COLUMN epoch integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN consumer_positions.epoch IS
    'Counts promotions; compared before every commit, so that a batch computed from the rows of before cannot follow one';

ALTER TABLE dead_letters
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN settled_why text,
    -- A letter that nobody settled waits for somebody.
    ADD CONSTRAINT settled_has_a_time CHECK ((status = 'open') = (settled_at IS NULL));
COMMENT ON COLUMN dead_letters.settled_at IS 'When it was retried or discarded, by the database''s clock';
COMMENT ON COLUMN dead_letters.settled_why IS 'Why it was discarded, or where in the log the retry stands';
CREATE INDEX dead_letters_open ON dead_letters (topic, kafka_partition, kafka_offset) WHERE status = 'open';
