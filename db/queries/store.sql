-- The consumer's queries. Every write takes whole columns as arrays, so that a batch of any size is a constant number
-- of statements (law L8).

-- open_positions: rows for partitions that have none yet, starting at the log's beginning
INSERT INTO consumer_positions (topic, kafka_partition, next_offset)
SELECT %(topic)s, kafka_partition, 0 FROM unnest(%(kafka_partition)s::int[]) AS p (kafka_partition)
ORDER BY kafka_partition
ON CONFLICT DO NOTHING

-- read_positions: where partitions are
SELECT kafka_partition, next_offset, to_ms(log_time), epoch
FROM consumer_positions
WHERE topic = %(topic)s AND kafka_partition = ANY (%(kafka_partition)s::int[])

-- read_next_due: the earliest refresh that is due on each partition, ms
SELECT p.kafka_partition, to_ms(first.refresh_due_at)
FROM unnest(%(kafka_partition)s::int[]) AS p (kafka_partition)
CROSS JOIN LATERAL (
    SELECT c.refresh_due_at FROM companies c
    WHERE c.kafka_partition = p.kafka_partition AND c.refresh_due_at IS NOT NULL
    ORDER BY c.refresh_due_at LIMIT 1
) AS first

-- read_oldest_pending: log time of the oldest change on these partitions that no refresh covers, ms
SELECT to_ms(min(first.pending_since))
FROM unnest(%(kafka_partition)s::int[]) AS p (kafka_partition)
CROSS JOIN LATERAL (
    SELECT c.pending_since FROM companies c
    WHERE c.kafka_partition = p.kafka_partition AND c.pending_since IS NOT NULL
    ORDER BY c.pending_since LIMIT 1
) AS first

-- read_due: companies whose refresh is due at their partition's log time, the earliest first
SELECT due.company_id
FROM unnest(%(kafka_partition)s::int[], %(log_time)s::bigint[]) AS clock (kafka_partition, log_time)
CROSS JOIN LATERAL (
    SELECT c.company_id, c.refresh_due_at FROM companies c
    WHERE c.kafka_partition = clock.kafka_partition AND c.refresh_due_at <= from_ms(clock.log_time)
    ORDER BY c.refresh_due_at LIMIT %(limit)s
) AS due
ORDER BY due.refresh_due_at, due.company_id
LIMIT %(limit)s

-- read_companies: companies by id
SELECT company_id, name, name_stamp, domain, domain_stamp, industry, industry_stamp, employee_count,
       employee_count_stamp, to_ms(last_refresh_at), to_ms(refresh_due_at), to_ms(pending_since), pending_count,
       pending_events, revision, revision, kafka_partition
FROM companies
WHERE company_id = ANY (%(company_id)s::text[])

-- read_inbox: which of these changes had their effect before
SELECT w.company_id, w.source, w.event_id, to_ms(w.log_time)
FROM unnest(%(company_id)s::text[], %(source)s::text[], %(event_id)s::text[]) AS d (company_id, source, event_id)
JOIN webhook_events w USING (company_id, source, event_id)

-- read_choices: roles that somebody chose for people of these companies
SELECT company_id, workspace_id, person_id, role, set_by, stamp
FROM role_choices
WHERE company_id = ANY (%(company_id)s::text[])

-- read_policies: policy versions appended since one of them
SELECT number, workspace_id, version, to_ms(counts_from), policy::text
FROM workspaces
WHERE number > %(number)s
ORDER BY number

-- read_rosters: everybody, present or gone, at these companies; what titles read as is written for others, not read back
SELECT e.company_id, e.person_id, p.name, p.email, p.linkedin_url, p.country, coalesce(p.name_stamp, ''),
       coalesce(p.email_stamp, ''), coalesce(p.linkedin_url_stamp, ''), coalesce(p.country_stamp, ''),
       CASE WHEN e.present_stamp <> '' THEN e.present END, e.title, e.department, e.stated_seniority, e.went_to,
       e.present_stamp, coalesce(e.title_stamp, ''), coalesce(e.department_stamp, ''),
       coalesce(e.stated_seniority_stamp, ''), coalesce(e.went_to_stamp, ''), to_ms(e.joined_at),
       to_ms(e.first_seen_at), NULL, NULL, nullif(p.evidence, '{}'), e.canonical_id
FROM employments e JOIN people p USING (company_id, person_id)
WHERE e.company_id = ANY (%(company_id)s::text[])

-- read_people: these people at these companies
SELECT e.company_id, e.person_id, p.name, p.email, p.linkedin_url, p.country, coalesce(p.name_stamp, ''),
       coalesce(p.email_stamp, ''), coalesce(p.linkedin_url_stamp, ''), coalesce(p.country_stamp, ''),
       CASE WHEN e.present_stamp <> '' THEN e.present END, e.title, e.department, e.stated_seniority, e.went_to,
       e.present_stamp, coalesce(e.title_stamp, ''), coalesce(e.department_stamp, ''),
       coalesce(e.stated_seniority_stamp, ''), coalesce(e.went_to_stamp, ''), to_ms(e.joined_at),
       to_ms(e.first_seen_at), NULL, NULL, nullif(p.evidence, '{}'), e.canonical_id
FROM unnest(%(company_id)s::text[], %(person_id)s::text[]) AS d (company_id, person_id)
JOIN employments e USING (company_id, person_id) JOIN people p USING (company_id, person_id)

-- read_groups: the heads of these companies' groups
SELECT company_id, workspace_id, version, to_ms(refreshed_at), to_ms(changed_at), policy_version, completeness, missing,
       tracked, erased
FROM buyer_groups
WHERE company_id = ANY (%(company_id)s::text[])

-- read_members: the members of these companies' groups
SELECT company_id, workspace_id, person_id, role, name, title, seniority, function, score, why, rule, own_role, set_by,
       confidence
FROM buyer_group_members
WHERE company_id = ANY (%(company_id)s::text[])

-- advance_positions: move partitions on, unless somebody else did; first in the transaction, it also locks them
UPDATE consumer_positions AS p
SET next_offset = n.next_offset,
    log_time = greatest(p.log_time, from_ms(n.log_time)),
    consumed = p.consumed + n.consumed,
    refreshed = p.refreshed + n.refreshed,
    deferred = p.deferred + n.deferred,
    superseded = p.superseded + n.superseded,
    ignored = p.ignored + n.ignored,
    duplicate = p.duplicate + n.duplicate,
    dead_letter = p.dead_letter + n.dead_letter,
    tick = p.tick + n.tick,
    wrong_partition = p.wrong_partition + n.wrong_partition
FROM unnest(
    %(kafka_partition)s::int[], %(expected)s::bigint[], %(next_offset)s::bigint[], %(log_time)s::bigint[],
    %(consumed)s::bigint[], %(refreshed)s::bigint[], %(deferred)s::bigint[], %(superseded)s::bigint[],
    %(ignored)s::bigint[], %(duplicate)s::bigint[], %(dead_letter)s::bigint[], %(tick)s::bigint[],
    %(wrong_partition)s::bigint[], %(epoch)s::int[]
) AS n (kafka_partition, expected, next_offset, log_time, consumed, refreshed, deferred, superseded, ignored,
        duplicate, dead_letter, tick, wrong_partition, epoch)
WHERE p.topic = %(topic)s AND p.kafka_partition = n.kafka_partition AND p.next_offset = n.expected
  AND p.epoch = n.epoch

-- insert_companies: companies that were not there when they were read
INSERT INTO companies (company_id, name, name_stamp, domain, domain_stamp, industry, industry_stamp, employee_count,
                       employee_count_stamp, last_refresh_at, refresh_due_at, pending_since, pending_count,
                       pending_events, revision, kafka_partition)
SELECT company_id, name, name_stamp, domain, domain_stamp, industry, industry_stamp, employee_count,
       employee_count_stamp, from_ms(last_refresh_at), from_ms(refresh_due_at), from_ms(pending_since), pending_count,
       pending_events::text[], revision, kafka_partition
FROM unnest(
    %(company_id)s::text[], %(name)s::text[], %(name_stamp)s::text[], %(domain)s::text[], %(domain_stamp)s::text[],
    %(industry)s::text[], %(industry_stamp)s::text[], %(employee_count)s::bigint[], %(employee_count_stamp)s::text[],
    %(last_refresh_at)s::bigint[], %(refresh_due_at)s::bigint[], %(pending_since)s::bigint[],
    %(pending_count)s::bigint[], %(pending_events)s::text[], %(revision)s::bigint[], %(kafka_partition)s::int[]
) AS n (company_id, name, name_stamp, domain, domain_stamp, industry, industry_stamp, employee_count,
        employee_count_stamp, last_refresh_at, refresh_due_at, pending_since, pending_count, pending_events, revision,
        kafka_partition)
ON CONFLICT DO NOTHING

-- update_companies: companies that are still as they were read
UPDATE companies AS c
SET name = n.name, name_stamp = n.name_stamp, domain = n.domain, domain_stamp = n.domain_stamp,
    industry = n.industry, industry_stamp = n.industry_stamp, employee_count = n.employee_count,
    employee_count_stamp = n.employee_count_stamp, last_refresh_at = from_ms(n.last_refresh_at),
    refresh_due_at = from_ms(n.refresh_due_at), pending_since = from_ms(n.pending_since),
    pending_count = n.pending_count, pending_events = n.pending_events::text[], revision = n.revision,
    kafka_partition = n.kafka_partition
FROM unnest(
    %(company_id)s::text[], %(name)s::text[], %(name_stamp)s::text[], %(domain)s::text[], %(domain_stamp)s::text[],
    %(industry)s::text[], %(industry_stamp)s::text[], %(employee_count)s::bigint[], %(employee_count_stamp)s::text[],
    %(last_refresh_at)s::bigint[], %(refresh_due_at)s::bigint[], %(pending_since)s::bigint[],
    %(pending_count)s::bigint[], %(pending_events)s::text[], %(revision)s::bigint[], %(revision_before)s::bigint[],
    %(kafka_partition)s::int[]
) AS n (company_id, name, name_stamp, domain, domain_stamp, industry, industry_stamp, employee_count,
        employee_count_stamp, last_refresh_at, refresh_due_at, pending_since, pending_count, pending_events, revision,
        revision_before, kafka_partition)
WHERE c.company_id = n.company_id AND c.revision = n.revision_before

-- insert_events: changes read for the first time, or again after they were forgotten (the row may be there still)
INSERT INTO webhook_events (company_id, source, event_id, type, occurred_at, received_at, log_time, outcome, reason,
                            refresh_due_at, kafka_partition, kafka_offset, deliveries)
SELECT company_id, source, event_id, type, from_ms(occurred_at), from_ms(received_at), from_ms(log_time), outcome,
       reason, from_ms(refresh_due_at), kafka_partition, kafka_offset, deliveries
FROM unnest(
    %(company_id)s::text[], %(source)s::text[], %(event_id)s::text[], %(type)s::text[], %(occurred_at)s::bigint[],
    %(received_at)s::bigint[], %(log_time)s::bigint[], %(outcome)s::text[], %(reason)s::text[],
    %(refresh_due_at)s::bigint[], %(kafka_partition)s::int[], %(kafka_offset)s::bigint[], %(deliveries)s::int[]
) AS n (company_id, source, event_id, type, occurred_at, received_at, log_time, outcome, reason, refresh_due_at,
        kafka_partition, kafka_offset, deliveries)
ON CONFLICT (company_id, source, event_id) DO UPDATE
SET type = excluded.type, occurred_at = excluded.occurred_at, received_at = excluded.received_at,
    log_time = excluded.log_time, outcome = excluded.outcome, reason = excluded.reason,
    refresh_due_at = excluded.refresh_due_at, kafka_partition = excluded.kafka_partition,
    kafka_offset = excluded.kafka_offset, deliveries = excluded.deliveries
WHERE webhook_events.log_time <= excluded.log_time - %(remembered_ms)s::bigint * interval '1 ms'

-- prune_inbox: forget changes so old that a delivery of them is no duplicate any more; what somebody holds is for later
WITH old AS (
    SELECT w.company_id, w.source, w.event_id
    FROM consumer_positions p
    CROSS JOIN LATERAL (
        SELECT e.company_id, e.source, e.event_id FROM webhook_events e
        WHERE e.kafka_partition = p.kafka_partition
          AND e.log_time <= p.log_time - %(older_ms)s::bigint * interval '1 ms'
        ORDER BY e.log_time LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ) AS w
    WHERE p.topic = %(topic)s AND p.kafka_partition = ANY (%(kafka_partition)s::int[])
    LIMIT %(limit)s
)
DELETE FROM webhook_events AS e USING old
WHERE e.company_id = old.company_id AND e.source = old.source AND e.event_id = old.event_id

-- count_redeliveries: changes read again
UPDATE webhook_events AS w
SET deliveries = w.deliveries + n.deliveries
FROM unnest(%(company_id)s::text[], %(source)s::text[], %(event_id)s::text[], %(deliveries)s::int[])
    AS n (company_id, source, event_id, deliveries)
WHERE w.company_id = n.company_id AND w.source = n.source AND w.event_id = n.event_id

-- write_people: what is known of people
INSERT INTO people (company_id, person_id, name, name_stamp, email, email_stamp, linkedin_url, linkedin_url_stamp,
                    country, country_stamp, evidence)
SELECT company_id, person_id, name, nullif(name_stamp, ''), email, nullif(email_stamp, ''), linkedin_url,
       nullif(linkedin_url_stamp, ''), country, nullif(country_stamp, ''), evidence::text[]
FROM unnest(
    %(company_id)s::text[], %(person_id)s::text[], %(name)s::text[], %(name_stamp)s::text[], %(email)s::text[],
    %(email_stamp)s::text[], %(linkedin_url)s::text[], %(linkedin_url_stamp)s::text[], %(country)s::text[],
    %(country_stamp)s::text[], %(evidence)s::text[]
) AS n (company_id, person_id, name, name_stamp, email, email_stamp, linkedin_url, linkedin_url_stamp, country,
        country_stamp, evidence)
ON CONFLICT (company_id, person_id) DO UPDATE
SET name = excluded.name, name_stamp = excluded.name_stamp, email = excluded.email, email_stamp = excluded.email_stamp,
    linkedin_url = excluded.linkedin_url, linkedin_url_stamp = excluded.linkedin_url_stamp,
    country = excluded.country, country_stamp = excluded.country_stamp, evidence = excluded.evidence

-- write_employments: where they work
INSERT INTO employments (company_id, person_id, present, present_stamp, title, title_stamp, department,
                         department_stamp, stated_seniority, stated_seniority_stamp, went_to, went_to_stamp,
                         joined_at, first_seen_at, seniority, function, canonical_id)
SELECT company_id, person_id, present, present_stamp, title, nullif(title_stamp, ''), department,
       nullif(department_stamp, ''), stated_seniority, nullif(stated_seniority_stamp, ''), went_to,
       nullif(went_to_stamp, ''), from_ms(joined_at), from_ms(first_seen_at), seniority, function, canonical_id
FROM unnest(
    %(company_id)s::text[], %(person_id)s::text[], %(present)s::boolean[], %(present_stamp)s::text[],
    %(title)s::text[], %(title_stamp)s::text[], %(department)s::text[], %(department_stamp)s::text[],
    %(stated_seniority)s::text[], %(stated_seniority_stamp)s::text[], %(went_to)s::text[],
    %(went_to_stamp)s::text[], %(joined_at)s::bigint[], %(first_seen_at)s::bigint[],
    %(seniority)s::text[], %(function)s::text[], %(canonical_id)s::text[]
) AS n (company_id, person_id, present, present_stamp, title, title_stamp, department, department_stamp,
        stated_seniority, stated_seniority_stamp, went_to, went_to_stamp, joined_at, first_seen_at,
        seniority, function, canonical_id)
ON CONFLICT (company_id, person_id) DO UPDATE
SET present = excluded.present, present_stamp = excluded.present_stamp, title = excluded.title,
    title_stamp = excluded.title_stamp, department = excluded.department, department_stamp = excluded.department_stamp,
    stated_seniority = excluded.stated_seniority, stated_seniority_stamp = excluded.stated_seniority_stamp,
    went_to = excluded.went_to, went_to_stamp = excluded.went_to_stamp,
    joined_at = excluded.joined_at, first_seen_at = excluded.first_seen_at, seniority = excluded.seniority,
    function = excluded.function, canonical_id = excluded.canonical_id

-- write_choices: roles that somebody chose, or took back
INSERT INTO role_choices (company_id, workspace_id, person_id, role, set_by, stamp)
SELECT * FROM unnest(
    %(company_id)s::text[], %(workspace_id)s::text[], %(person_id)s::text[], %(role)s::text[], %(set_by)s::text[],
    %(stamp)s::text[]
)
ON CONFLICT (company_id, workspace_id, person_id) DO UPDATE
SET role = excluded.role, set_by = excluded.set_by, stamp = excluded.stamp

-- insert_refreshes: refreshes made
INSERT INTO buyer_group_refresh_logs (company_id, log_time, cause, changes_covered, outcome, started_at, finished_at)
SELECT company_id, from_ms(log_time), cause, changes_covered, outcome, from_ms(started_at), from_ms(finished_at)
FROM unnest(
    %(company_id)s::text[], %(log_time)s::bigint[], %(cause)s::text[], %(changes_covered)s::bigint[],
    %(outcome)s::text[], %(started_at)s::bigint[], %(finished_at)s::bigint[]
) AS n (company_id, log_time, cause, changes_covered, outcome, started_at, finished_at)

-- insert_operations: steps run
INSERT INTO pipeline_operations (company_id, step, idempotency_key, input_hash, status, duration_ms)
SELECT company_id, step, idempotency_key, input_hash, status, duration_us / 1000.0
FROM unnest(
    %(company_id)s::text[], %(step)s::text[], %(idempotency_key)s::text[], %(input_hash)s::text[],
    %(status)s::text[], %(duration_us)s::bigint[]
) AS n (company_id, step, idempotency_key, input_hash, status, duration_us)
ON CONFLICT DO NOTHING

-- write_groups: heads of groups
INSERT INTO buyer_groups (company_id, workspace_id, version, refreshed_at, changed_at, policy_version, completeness,
                          missing, tracked, erased)
SELECT company_id, workspace_id, version, from_ms(refreshed_at), from_ms(changed_at), policy_version, completeness,
       missing::text[], tracked, erased
FROM unnest(
    %(company_id)s::text[], %(workspace_id)s::text[], %(version)s::bigint[], %(refreshed_at)s::bigint[],
    %(changed_at)s::bigint[], %(policy_version)s::int[], %(completeness)s::int[], %(missing)s::text[],
    %(tracked)s::boolean[], %(erased)s::int[]
) AS n (company_id, workspace_id, version, refreshed_at, changed_at, policy_version, completeness, missing, tracked,
        erased)
ON CONFLICT (company_id, workspace_id) DO UPDATE
SET version = excluded.version, refreshed_at = excluded.refreshed_at, changed_at = excluded.changed_at,
    policy_version = excluded.policy_version, completeness = excluded.completeness, missing = excluded.missing,
    tracked = excluded.tracked, erased = excluded.erased

-- delete_members: members that are in their group no more
DELETE FROM buyer_group_members AS m
USING unnest(%(company_id)s::text[], %(workspace_id)s::text[], %(person_id)s::text[], %(role)s::text[])
    AS n (company_id, workspace_id, person_id, role)
WHERE m.company_id = n.company_id AND m.workspace_id = n.workspace_id AND m.person_id = n.person_id
  AND m.role = n.role

-- write_members: members that are new or different
INSERT INTO buyer_group_members (company_id, workspace_id, person_id, role, name, title, seniority, function, score,
                                 why, rule, own_role, set_by, confidence)
SELECT * FROM unnest(
    %(company_id)s::text[], %(workspace_id)s::text[], %(person_id)s::text[], %(role)s::text[], %(name)s::text[],
    %(title)s::text[], %(seniority)s::text[], %(function)s::text[], %(score)s::int[], %(why)s::text[],
    %(rule)s::text[], %(own_role)s::text[], %(set_by)s::text[], %(confidence)s::int[]
)
ON CONFLICT (company_id, workspace_id, person_id, role) DO UPDATE
SET name = excluded.name, title = excluded.title, seniority = excluded.seniority, function = excluded.function,
    score = excluded.score, why = excluded.why, rule = excluded.rule, own_role = excluded.own_role,
    set_by = excluded.set_by, confidence = excluded.confidence

-- insert_changes: what each version changed
INSERT INTO buyer_group_changes (company_id, workspace_id, version, position, log_time, kind, person_id, name, before,
                                 after, why, event_ids, cause, went_to_id, went_to_name, made_of)
SELECT company_id, workspace_id, version, "position", from_ms(log_time), kind, person_id, name, before, after, why,
       event_ids::text[], cause, went_to_id, went_to_name, made_of::text[]
FROM unnest(
    %(company_id)s::text[], %(workspace_id)s::text[], %(version)s::bigint[], %(position)s::int[],
    %(log_time)s::bigint[], %(kind)s::text[], %(person_id)s::text[], %(name)s::text[], %(before)s::text[],
    %(after)s::text[], %(why)s::text[], %(event_ids)s::text[], %(cause)s::text[], %(went_to_id)s::text[],
    %(went_to_name)s::text[], %(made_of)s::text[]
) AS n (company_id, workspace_id, version, "position", log_time, kind, person_id, name, before, after, why, event_ids,
        cause, went_to_id, went_to_name, made_of)

-- insert_past_heads: heads of groups from a log time on
INSERT INTO buyer_group_head_history (company_id, workspace_id, log_time, version, changed_at, policy_version,
                                      completeness, missing, tracked)
SELECT company_id, workspace_id, from_ms(log_time), version, from_ms(changed_at), policy_version, completeness,
       missing::text[], tracked
FROM unnest(
    %(company_id)s::text[], %(workspace_id)s::text[], %(log_time)s::bigint[], %(version)s::bigint[],
    %(changed_at)s::bigint[], %(policy_version)s::int[], %(completeness)s::int[], %(missing)s::text[],
    %(tracked)s::boolean[]
) AS n (company_id, workspace_id, log_time, version, changed_at, policy_version, completeness, missing, tracked)

-- insert_past_members: members from a log time on
INSERT INTO buyer_group_member_history (company_id, workspace_id, person_id, role, log_time, present, name, title,
                                        seniority, function, score, why, rule, own_role, set_by, confidence,
                                        made_of)
SELECT company_id, workspace_id, person_id, role, from_ms(log_time), present, name, title, seniority, function, score,
       why, rule, own_role, set_by, confidence, made_of::text[]
FROM unnest(
    %(company_id)s::text[], %(workspace_id)s::text[], %(person_id)s::text[], %(role)s::text[], %(log_time)s::bigint[],
    %(present)s::boolean[], %(name)s::text[], %(title)s::text[], %(seniority)s::text[], %(function)s::text[],
    %(score)s::int[], %(why)s::text[], %(rule)s::text[], %(own_role)s::text[], %(set_by)s::text[],
    %(confidence)s::int[], %(made_of)s::text[]
) AS n (company_id, workspace_id, person_id, role, log_time, present, name, title, seniority, function, score, why,
        rule, own_role, set_by, confidence, made_of)

-- insert_outbox: messages for other services
INSERT INTO outbox (company_id, workspace_id, version, topic, value, log_time)
SELECT company_id, workspace_id, version, topic, value, from_ms(log_time)
FROM unnest(
    %(company_id)s::text[], %(workspace_id)s::text[], %(version)s::bigint[], %(topic)s::text[], %(value)s::bytea[],
    %(log_time)s::bigint[]
) AS n (company_id, workspace_id, version, topic, value, log_time)

-- insert_dead_letters: records that could not be applied
INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, company_id, key, value, headers, log_time, reason)
SELECT %(topic)s, kafka_partition, kafka_offset, company_id, key, value, headers::jsonb, from_ms(log_time), reason
FROM unnest(
    %(kafka_partition)s::int[], %(kafka_offset)s::bigint[], %(company_id)s::text[], %(key)s::bytea[],
    %(value)s::bytea[], %(headers)s::text[], %(log_time)s::bigint[], %(reason)s::text[]
) AS n (kafka_partition, kafka_offset, company_id, key, value, headers, log_time, reason)
