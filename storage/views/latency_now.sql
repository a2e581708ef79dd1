-- How long judging takes, over the newest 1,000 predictions of each model: the share of the run's time that fell to each.
SELECT model, environment, count(*) AS samples, quantile_cont(analysis_ms, 0.5) AS latency_p50_ms,
    quantile_cont(analysis_ms, 0.95) AS latency_p95_ms, quantile_cont(analysis_ms, 0.99) AS latency_p99_ms
FROM (
    SELECT *, row_number() OVER (PARTITION BY model, environment ORDER BY ts DESC) AS place FROM judgements
    WHERE analysis_ms IS NOT NULL
)
WHERE place <= 1000
GROUP BY model, environment ORDER BY model, environment
