-- Companies under other people's ids; every statement looks rows up by key.

-- known_aliases: which of these ids and domains mean a company of ours
SELECT a.source, a.kind, a.alias, a.company_id
FROM unnest(%(source)s::text[], %(kind)s::text[], %(alias)s::text[]) AS n (source, kind, alias)
JOIN company_aliases a USING (source, kind, alias)

-- teach: ids and domains that mean a company of ours from now on
INSERT INTO company_aliases (source, kind, alias, company_id)
SELECT source, kind, alias, company_id
FROM unnest(%(source)s::text[], %(kind)s::text[], %(alias)s::text[], %(company_id)s::text[])
    AS n (source, kind, alias, company_id)
ON CONFLICT (source, kind, alias) DO UPDATE SET company_id = excluded.company_id

-- follow: what meant one company means another now
UPDATE company_aliases SET company_id = %(ours)s WHERE company_id = %(theirs)s
