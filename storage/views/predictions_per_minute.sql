-- How many verdicts each version gave in each minute of event time, and how many of them flagged.
SELECT model, version, environment, date_trunc('minute', ts) AS minute, count(*) AS predictions,
    count(*) FILTER (flagged) AS flagged
FROM judgements GROUP BY ALL ORDER BY model, version, environment, minute
