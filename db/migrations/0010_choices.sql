-- Roles that users set. Made by the log, as all that decides who is in a group.
CREATE TABLE role_choices (
    company_id text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    role text,
    set_by text,
    stamp text COLLATE "C" NOT NULL,
    -- One choice for a person in a workspace: the one with the greatest stamp (law L4).
    PRIMARY KEY (company_id, workspace_id, person_id)
);
COMMENT ON TABLE role_choices IS
    'Roles that somebody chose for a person; kept while the person is not there, and over all policy versions';
COMMENT ON COLUMN role_choices.role IS 'As they said it; NULL: they took it back, which an older choice must not undo';
