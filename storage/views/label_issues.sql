-- Labels that should be looked at: conflicting (people differ about one subject and window), duplicate (said again),
-- late (a week or more after the prediction), early (before it by more than clocks
-- differ, 5 s), orphan (of nothing that was predicted), and suspicious
-- (against a verdict that the model was all but sure of).
WITH last_words AS (
    SELECT model, subject, window_start, actor, arg_max(truth, ts) AS truth, max(ts) AS ts
    FROM labels WHERE truth IS NOT NULL GROUP BY ALL
), disputed AS (
    SELECT model, subject, window_start, count(*) AS people, max(ts) AS ts, string_agg(actor, ', ' ORDER BY actor) AS who
    FROM last_words GROUP BY ALL HAVING count(DISTINCT truth) > 1
), known AS (
    SELECT model, subject, window_start, count(*) AS said, count(DISTINCT truth) AS truths,
        max(ts) AS ts, string_agg(DISTINCT actor, ', ') AS who
    FROM labels WHERE truth IS NOT NULL GROUP BY model, subject, window_start
), judged AS MATERIALIZED (
    SELECT model, subject, ts, window_start, score, truth, label_ts, labelled_by FROM predictions_with_truth
), truths AS (
    SELECT * FROM judged WHERE truth IS NOT NULL
), subjects AS (
    SELECT DISTINCT model, subject FROM judged
), found AS (
    SELECT 'conflicting' AS issue, model, subject, window_start, ts, who AS actor,
        people || ' people say different things' AS detail
    FROM disputed
    UNION ALL
    SELECT 'duplicate', model, subject, window_start, ts, who, 'said ' || said || ' times'
    FROM known WHERE truths = 1 AND said > 1
    UNION ALL
    SELECT 'orphan', k.model, k.subject, k.window_start, k.ts, k.who, 'nothing was predicted of it'
    FROM known k LEFT JOIN subjects s ON s.model = k.model AND s.subject = k.subject WHERE s.subject IS NULL
    UNION ALL
    SELECT 'late', model, subject, window_start, label_ts, labelled_by,
        CAST(round(epoch(label_ts - ts) / 86400) AS BIGINT) || ' days after the prediction'
    FROM truths WHERE label_ts - ts >= INTERVAL 7 DAY
    UNION ALL
    SELECT 'early', model, subject, window_start, label_ts, labelled_by, 'made before what it is about was over'
    FROM truths WHERE label_ts < window_start - INTERVAL 5 SECOND
    UNION ALL
    SELECT 'suspicious', model, subject, window_start, label_ts, labelled_by,
        'score ' || round(score, 3) || ', truth ' || truth
    FROM truths WHERE (score >= 0.95 AND NOT truth) OR (score <= 0.05 AND truth)
)
SELECT * FROM found
ORDER BY model, CASE issue WHEN 'conflicting' THEN 0 WHEN 'suspicious' THEN 1 WHEN 'early' THEN 2 WHEN 'late' THEN 3
    WHEN 'orphan' THEN 4 ELSE 5 END, ts DESC, subject
