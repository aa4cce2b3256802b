-- The history of groups: where people went, who changed a group, and what every member was at any log time.

ALTER TABLE employments
    ADD COLUMN went_to text,
    ADD COLUMN went_to_stamp text COLLATE "C";
COMMENT ON COLUMN employments.went_to IS
    'The company they left for, id and name joined by U+001F; counts if its stamp is that of present, and present is false';

ALTER TABLE buyer_group_changes
    ADD COLUMN cause text NOT NULL DEFAULT 'world' CHECK (cause IN ('world', 'settings')),
    ADD COLUMN went_to_id text,
    ADD COLUMN went_to_name text;
COMMENT ON COLUMN buyer_group_changes.cause IS 'Whether people changed, or the policy by which their group is derived';

ALTER TABLE buyer_groups ADD COLUMN tracked boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN buyer_groups.tracked IS 'False: the workspace tracks the company no more; it was emptied, and stays so';

CREATE TABLE buyer_group_head_history (
    company_id text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    log_time timestamptz NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz,
    policy_version integer NOT NULL,
    completeness smallint NOT NULL,
    missing text[] NOT NULL,
    tracked boolean NOT NULL,
    -- Law L5: a company is refreshed at most once at one log time.
    PRIMARY KEY (company_id, workspace_id, log_time)
);
COMMENT ON TABLE buyer_group_head_history IS
    'Append-only: a group''s head from this log time on; a row for its first refresh, and whenever anything of it changes';

CREATE TABLE buyer_group_member_history (
    company_id text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    role text NOT NULL,
    log_time timestamptz NOT NULL,
    present boolean NOT NULL,
    name text,
    title text,
    seniority text,
    function text,
    score integer,
    why text,
    rule text,
    own_role text,
    set_by text,
    confidence smallint,
    PRIMARY KEY (company_id, workspace_id, person_id, role, log_time)
);
COMMENT ON TABLE buyer_group_member_history IS
    'Append-only: what a member is from this log time on, a row whenever anything of it changes; present false: no more '
    'in this role. The group at a time is the last row of each person and role until then';

-- What is there now is known from its last refresh on; a rebuild of the log makes what was before.
INSERT INTO buyer_group_head_history (company_id, workspace_id, log_time, version, changed_at, policy_version,
                                      completeness, missing, tracked)
SELECT company_id, workspace_id, refreshed_at, version, changed_at, policy_version, completeness, missing, tracked
FROM buyer_groups;
INSERT INTO buyer_group_member_history (company_id, workspace_id, person_id, role, log_time, present, name, title,
                                        seniority, function, score, why, rule, own_role, set_by, confidence)
SELECT m.company_id, m.workspace_id, m.person_id, m.role, g.refreshed_at, true, m.name, m.title, m.seniority,
       m.function, m.score, m.why, m.rule, m.own_role, m.set_by, m.confidence
FROM buyer_group_members m JOIN buyer_groups g USING (company_id, workspace_id);
