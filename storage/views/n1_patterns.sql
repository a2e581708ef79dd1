-- Loops remembered across traces: how often, since when, how bad, whether they are gone, and whether that helped.
-- A pattern is a template with the query that feeds it, as flagged verdicts tell it. `fixed`: a person said so and it has
-- not come back (else `regressed`), or its places (a trace's first call site, else its request's path) were visited 20
-- times since without it: with a loop in half of a place's traces, 20 clean ones in a row are chance once in a million;
-- in every tenth, once in eight. `quiet`: not seen in the last visits, but too few of them. Severity: people notice
-- 100 ms (Nielsen 1993).
WITH trace AS (
    SELECT p.environment, p.prediction_id, p.ts, p.threshold, p.evidence,
        coalesce(json_extract_string(p.features, '$.place'), w.place) AS place,
        TRY_CAST(json_extract_string(p.features, '$.total_ms') AS DOUBLE) AS trace_ms
    FROM predictions p
    LEFT JOIN (SELECT trace_id, regexp_replace(min(path), '[0-9]+', '0', 'g') AS place FROM requests
        WHERE trace_id IS NOT NULL GROUP BY trace_id) w ON w.trace_id = p.subject
    WHERE p.model = 'n1-detector'
), told AS (
    SELECT environment, prediction_id, ts, threshold, place,
        unnest(json_extract(evidence, '$.groups[*]')) AS part
    FROM trace WHERE json_valid(evidence)
), loop AS (
    SELECT environment, prediction_id, ts, place,
        part ->> '$.template' AS template, part ->> '$.parent' AS parent, part ->> '$.caller' AS caller,
        part ->> '$.kind' AS kind,
        TRY_CAST(part ->> '$.count' AS DOUBLE) AS repeats, TRY_CAST(part ->> '$.distinct_params' AS BIGINT) AS different,
        TRY_CAST(part ->> '$.wasted_ms' AS DOUBLE) AS wasted_ms,
        TRY_CAST(part ->> '$.probability' AS DOUBLE) AS probability
    FROM told WHERE TRY_CAST(part ->> '$.probability' AS DOUBLE) >= threshold
), named AS (
    SELECT *, left(md5(lower(template || chr(31) || coalesce(parent, ''))), 16) AS pattern FROM loop
), said AS (
    SELECT subject AS pattern, arg_max(kind, seq) = 'pattern.fixed' AS is_fixed,
        CAST(arg_max(ts, seq) AS TIMESTAMPTZ) AS said_ts, arg_max(actor, seq) AS said_by
    FROM event WHERE kind IN ('pattern.fixed', 'pattern.reopened') GROUP BY subject
), seen AS (
    SELECT n.environment, n.pattern, any_value(n.template) AS template, any_value(n.parent) AS parent,
        min(n.caller) AS caller, min(n.kind) AS kind,
        count(DISTINCT n.prediction_id) AS detections, min(n.ts) AS first_seen, max(n.ts) AS last_seen,
        avg(n.probability) AS confidence, median(n.repeats) AS repeats, median(n.different) AS different,
        median(n.wasted_ms) AS wasted_ms, any_value(s.said_ts) AS fixed_ts, any_value(s.said_by) AS fixed_by
    FROM named n LEFT JOIN said s ON s.pattern = n.pattern AND s.is_fixed GROUP BY n.environment, n.pattern
), visited AS (
    SELECT s.environment, s.pattern,
        count(*) FILTER (t.ts > s.last_seen) AS visits_since,
        median(t.trace_ms) FILTER (t.ts <= coalesce(s.fixed_ts, s.last_seen)) AS trace_ms_before,
        median(t.trace_ms) FILTER (t.ts > coalesce(s.fixed_ts, s.last_seen)) AS trace_ms_after
    FROM seen s
    JOIN (SELECT DISTINCT environment, pattern, place FROM named WHERE place IS NOT NULL) USING (environment, pattern)
    JOIN trace t USING (environment, place) GROUP BY s.environment, s.pattern
), judged AS (
    SELECT seen.*, coalesce(visits_since, 0) AS visits_since, trace_ms_before, trace_ms_after,
        CASE WHEN last_seen > fixed_ts THEN 'regressed' WHEN fixed_ts IS NOT NULL OR visits_since >= 20 THEN 'fixed'
            WHEN coalesce(visits_since, 0) = 0 THEN 'open' ELSE 'quiet' END AS state
    FROM seen LEFT JOIN visited USING (environment, pattern)
)
SELECT environment, pattern, state,
    CASE WHEN wasted_ms >= 100 OR repeats >= 50 THEN 'high' WHEN wasted_ms >= 20 OR repeats >= 10 THEN 'medium'
        ELSE 'low' END AS severity,
    confidence, detections, first_seen, last_seen, repeats, different, wasted_ms, template, parent, caller, kind,
    visits_since, fixed_ts, fixed_by, trace_ms_before, trace_ms_after,
    CASE WHEN state <> 'open' THEN trace_ms_after < trace_ms_before END AS better
FROM judged
ORDER BY state NOT IN ('open', 'regressed'), coalesce(wasted_ms, 0) * detections DESC, pattern
