-- Steps that other pipelines run: how often each was begun, what came out, and when.

ALTER TABLE pipeline_operations
    ADD COLUMN attempts integer NOT NULL DEFAULT 1,
    ADD COLUMN output jsonb,
    ADD COLUMN finished_at timestamptz;
COMMENT ON COLUMN pipeline_operations.step IS
    'save_buyer_group: the consumer''s, made by the log; others are pipeline.step, run by whoever likes';
COMMENT ON COLUMN pipeline_operations.attempts IS
    'How often it was begun; compared when it ends, so that who was overtaken cannot end what another is at';
COMMENT ON COLUMN pipeline_operations.output IS
    'What a repetition returns; holds personal data; NULL on a success: forgotten, a repetition runs again';

-- What pipelines ran lately. The consumer's rows are not in it: its writes pay nothing for it.
CREATE INDEX pipeline_operations_of_pipelines ON pipeline_operations (created_at DESC)
    WHERE step <> 'save_buyer_group';
