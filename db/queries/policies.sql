-- Policy versions as operators append them. Consumers read them with db/queries/store.sql.

-- lock: one after the other, so that numbers are committed in their order; reading goes on
LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE

-- append: the next version of a workspace; it counts after all that was folded by now, and after the one before
INSERT INTO workspaces (workspace_id, version, counts_from, policy, created_by)
SELECT %(workspace_id)s::text, coalesce(max(w.version), 0) + 1,
       from_ms(greatest(
           to_ms(clock_timestamp()), (SELECT to_ms(max(log_time)) FROM consumer_positions), to_ms(max(w.counts_from))
       ) + %(lead_ms)s::bigint),
       %(policy)s::jsonb, %(created_by)s::text
FROM workspaces AS w WHERE w.workspace_id = %(workspace_id)s
HAVING coalesce(max(w.version), 0) = %(after)s::int
RETURNING number, workspace_id, version, to_ms(counts_from), policy::text

-- versions: all that was ever appended, in order
SELECT workspace_id, version, to_ms(counts_from), created_by, to_ms(created_at)
FROM workspaces ORDER BY workspace_id, version

-- tracked: companies that have been refreshed, in order of their ids, after one of them; a page
SELECT company_id FROM companies WHERE company_id > %(after)s::text ORDER BY company_id LIMIT %(limit)s

-- counted: how many there are
SELECT count(*) FROM companies
