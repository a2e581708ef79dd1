-- Who labels, how much, and how often what they say is against the model, beside everybody else's share.
WITH each AS (
    SELECT model, coalesce(labelled_by, 'unknown') AS actor, count(*) AS labels,
        count(*) FILTER (flagged <> truth) AS against, median(epoch(label_ts - ts)) AS delay_s
    FROM labelled_predictions GROUP BY ALL
)
SELECT model, actor, labels, against / labels AS against_model,
    (sum(against) OVER all_of_it - against) / nullif(sum(labels) OVER all_of_it - labels, 0) AS others_against_model,
    delay_s
FROM each WINDOW all_of_it AS (PARTITION BY model) ORDER BY model, labels DESC, actor
