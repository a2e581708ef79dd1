-- Accuracy over the trailing 100 matured labelled predictions, as it stood at the end of each minute that had one; labels
-- that were drawn count 1 / propensity.
SELECT model, version, environment, minute, n, accuracy FROM (
    SELECT model, version, environment, date_trunc('minute', ts) AS minute, ts, prediction_id,
        count(*) OVER last_hundred AS n,
        sum(weight * CAST(flagged = truth AS INTEGER)) OVER last_hundred / sum(weight) OVER last_hundred AS accuracy
    FROM matured_predictions
    WINDOW last_hundred AS (
        PARTITION BY model, version, environment ORDER BY ts, prediction_id ROWS BETWEEN 99 PRECEDING AND CURRENT ROW)
)
QUALIFY row_number() OVER (
    PARTITION BY model, version, environment, minute ORDER BY ts DESC, prediction_id DESC) = 1
ORDER BY model, version, environment, minute
