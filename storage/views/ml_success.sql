-- How often judging succeeds, a row a model and environment: rounds of the newest five minutes and hour that had any, and the
-- share that came to an end in time. `success_high_1h` is the upper end of Wilson's 95 % interval.
WITH minutes AS (
    SELECT *, CAST(minute AS TIMESTAMPTZ) AS moment, max(CAST(minute AS TIMESTAMPTZ)) OVER () AS newest,
        successes + failures + timeouts AS attempts
    FROM analysis_count
), summed AS (
    SELECT model, environment, CAST(sum(attempts) FILTER (moment > newest - INTERVAL 5 MINUTE) AS BIGINT) AS attempts_5m,
        sum(successes) FILTER (moment > newest - INTERVAL 5 MINUTE) / nullif(attempts_5m, 0) AS success_rate_5m,
        CAST(sum(attempts) FILTER (moment > newest - INTERVAL 1 HOUR) AS BIGINT) AS attempts_1h,
        sum(successes) FILTER (moment > newest - INTERVAL 1 HOUR) / nullif(attempts_1h, 0) AS success_rate_1h,
        CAST(sum(attempts) AS BIGINT) AS attempts, sum(successes) / nullif(sum(attempts), 0) AS success_rate,
        CAST(sum(failures) AS BIGINT) AS failures, CAST(sum(timeouts) AS BIGINT) AS timeouts, max(moment) AS last_ts
    FROM minutes GROUP BY ALL
)
SELECT *, (success_rate_1h + 1.92072941 / attempts_1h
        + 1.959964 * sqrt(success_rate_1h * (1 - success_rate_1h) / attempts_1h + 0.96036471 / attempts_1h / attempts_1h))
    / (1 + 3.84145882 / attempts_1h) AS success_high_1h
FROM summed ORDER BY environment, model
