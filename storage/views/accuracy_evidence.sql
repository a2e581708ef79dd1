-- How strong the evidence is that what runs now is under its accuracy limit, however often one looks: the e-detector of
-- engine/evidence.py against the limit, started over the newest 10,000 matured labels (of drawn ones an even sample, or those
-- that were not drawn if they are more). While the accuracy holds, `log10_fortune` passes log10(A) on average once in A labels
-- at most.
WITH running AS (
    SELECT d.model, d.version, d.environment, m.alert_accuracy AS accuracy_limit
    FROM deployment d JOIN model m ON m.name = d.model WHERE d.status = 'active'
), items AS MATERIALIZED (
    SELECT r.model, r.environment, r.accuracy_limit, p.ts, p.prediction_id, CAST(p.flagged = p.truth AS INTEGER) AS is_right,
        p.propensity IS NULL AS is_whole, coalesce(p.propensity, 1.0) AS propensity,
        hash(p.prediction_id) / 18446744073709551615.0 AS place
    FROM matured_predictions p
    JOIN running r ON r.model = p.model AND r.version = p.version AND r.environment = p.environment
), leasts AS (
    SELECT model, environment, min(propensity) AS least FROM items GROUP BY ALL
), sizes AS (
    SELECT i.model, i.environment, any_value(l.least) AS least,
        count(*) FILTER (i.is_whole) > count(*) FILTER (i.place <= l.least / i.propensity) AS takes_whole
    FROM items i JOIN leasts l ON l.model = i.model AND l.environment = i.environment GROUP BY ALL
), newest AS MATERIALIZED (
    SELECT i.* FROM items i JOIN sizes s ON s.model = i.model AND s.environment = i.environment
    WHERE CASE WHEN s.takes_whole THEN i.is_whole ELSE i.place <= s.least / i.propensity END
    QUALIFY row_number() OVER (PARTITION BY i.model, i.environment ORDER BY i.ts DESC, i.prediction_id DESC) <= 10000
), grown AS MATERIALIZED (
    SELECT model, environment, sum(ln(1 - bet * (is_right - accuracy_limit) / (1 - accuracy_limit))) OVER (
        PARTITION BY model, environment, bet ORDER BY ts DESC, prediction_id DESC ROWS UNBOUNDED PRECEDING) AS fortune
    FROM newest CROSS JOIN (SELECT unnest([0.05, 0.1, 0.2, 0.4, 0.8]) AS bet)
), tops AS (
    SELECT model, environment, max(fortune) AS top FROM grown GROUP BY ALL
), fortunes AS (
    SELECT g.model, g.environment, (any_value(t.top) + ln(sum(exp(g.fortune - t.top)) / 5)) / ln(10) AS log10_fortune
    FROM grown g JOIN tops t ON t.model = g.model AND t.environment = g.environment GROUP BY ALL
), counted AS (
    SELECT model, environment, any_value(accuracy_limit) AS accuracy_limit, count(*) AS n,
        86400.0 * count(*) / greatest(epoch(max(ts)) - epoch(min(ts)), 3600) AS labels_per_day
    FROM newest GROUP BY ALL
)
SELECT c.*, f.log10_fortune FROM counted c JOIN fortunes f ON f.model = c.model AND f.environment = c.environment
ORDER BY c.environment, c.model
