-- Judgements with the truth where it is known, as the newest label of subject and window says it; a label without a
-- window is for every window of its subject. A label whose truth is null takes an earlier one back.
WITH exact AS (
    SELECT model, subject, window_start, arg_max({'truth': truth, 'propensity': propensity, 'actor': actor}, coalesce(ts, 'epoch')) AS it,
        max(coalesce(ts, 'epoch')) AS ts
    FROM labels WHERE window_start IS NOT NULL GROUP BY ALL
), general AS (
    SELECT model, subject, arg_max({'truth': truth, 'propensity': propensity, 'actor': actor}, coalesce(ts, 'epoch')) AS it,
        max(coalesce(ts, 'epoch')) AS ts
    FROM labels WHERE window_start IS NULL GROUP BY ALL
), joined AS (
    SELECT p.*, CASE WHEN e.ts IS NULL OR g.ts > e.ts THEN g.it ELSE e.it END AS it, greatest(e.ts, g.ts) AS label_ts
    FROM judgements p
    LEFT JOIN exact e ON e.model = p.model AND e.subject = p.subject AND e.window_start = p.window_start
    LEFT JOIN general g ON g.model = p.model AND g.subject = p.subject
)
SELECT * EXCLUDE (it), it.truth AS truth, it.propensity AS propensity, it.actor AS labelled_by
FROM joined
