-- The caches of what is deployed, over all processes: look-ups and misses of the newest 15 minutes and hour that had any.
WITH minutes AS (
    SELECT cache, CAST(minute AS TIMESTAMPTZ) AS minute, hits, misses,
        max(CAST(minute AS TIMESTAMPTZ)) OVER (PARTITION BY cache) AS newest
    FROM cache_count
), summed AS (
    SELECT cache, CAST(sum(hits + misses) FILTER (minute > newest - INTERVAL 1 HOUR) AS BIGINT) AS lookups_1h,
        sum(misses) FILTER (minute > newest - INTERVAL 1 HOUR) / nullif(lookups_1h, 0) AS miss_rate_1h,
        sum(misses) FILTER (minute > newest - INTERVAL 15 MINUTE)
            / nullif(sum(hits + misses) FILTER (minute > newest - INTERVAL 15 MINUTE), 0) AS miss_rate_15m,
        CAST(sum(hits) AS BIGINT) AS hits, CAST(sum(misses) AS BIGINT) AS misses, max(newest) AS last_ts
    FROM minutes GROUP BY cache
)
SELECT *, hits / nullif(hits + misses, 0) AS hit_rate,
    (miss_rate_1h + 1.92072941 / lookups_1h
        - 1.959964 * sqrt(miss_rate_1h * (1 - miss_rate_1h) / lookups_1h + 0.96036471 / lookups_1h / lookups_1h))
        / (1 + 3.84145882 / lookups_1h) AS miss_rate_low
FROM summed ORDER BY cache
