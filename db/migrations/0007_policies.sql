-- Policy versions: appended, read by every consumer before they count, never changed.
ALTER TABLE workspaces
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN created_by text,
    -- Whoever appends holds the table, so a greater number is never seen before a smaller one.
    ADD CONSTRAINT workspaces_by_number UNIQUE (number),
    ADD CONSTRAINT versions_count_from_one CHECK (version > 0);
COMMENT ON COLUMN workspaces.number IS 'Order of all versions: who has read up to one asks for what is greater';
COMMENT ON COLUMN workspaces.counts_from IS
    'Log time, a few seconds after the row was written: every consumer has read it before it counts (law L6)';

CREATE FUNCTION policies_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a policy version stays as it is: groups were made by it, and are made by it again in a rebuild';
END $$;
CREATE TRIGGER policies_stay BEFORE UPDATE OR DELETE ON workspaces FOR EACH ROW EXECUTE FUNCTION policies_stay();

ALTER TABLE buyer_groups
    ADD COLUMN completeness smallint NOT NULL DEFAULT 0 CHECK (completeness BETWEEN 0 AND 100),
    ADD COLUMN missing text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN buyer_groups.completeness IS 'How far the roles that the policy requires are filled, in percent';
COMMENT ON COLUMN buyer_groups.missing IS 'The required roles that need more people';
