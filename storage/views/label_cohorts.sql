-- Predictions by version, environment and hour of event time, and how far their labels have come: how many are labelled, and
-- how many of these count already (`matured`). A cohort is mature when all of it may be judged.
SELECT model, version, environment, date_trunc('hour', ts) AS hour, count(*) AS predictions, count(truth) AS labelled,
    median(greatest(epoch(label_ts - ts), 0)) FILTER (truth IS NOT NULL) AS delay_s, count(truth) / count(*) AS coverage,
    bool_and(is_mature) AS is_mature, count(truth) FILTER (is_mature) AS matured
FROM predictions_with_maturity
GROUP BY ALL ORDER BY model, environment, version, hour
