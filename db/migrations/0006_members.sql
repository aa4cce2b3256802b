-- What put a member into a group, so that it can be told apart from what the seller reads.
ALTER TABLE buyer_group_members
    ADD COLUMN rule text NOT NULL DEFAULT 'unknown',
    ADD COLUMN own_role text,
    ADD COLUMN set_by text,
    ADD COLUMN confidence smallint NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 100);
COMMENT ON COLUMN buyer_group_members.rule IS
    'Its id, docs/workspaces.md; unknown in rows of before, until the company''s next refresh';
COMMENT ON COLUMN buyer_group_members.own_role IS 'The workspace''s own name for the role';
COMMENT ON COLUMN buyer_group_members.set_by IS 'Who chose the role; NULL: a rule did';
COMMENT ON COLUMN buyer_group_members.confidence IS 'How sure the title is read, in percent; 100 where somebody chose';
