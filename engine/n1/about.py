"""What the N+1 detector says of itself."""

from __future__ import annotations

from engine.about import About

ABOUT = About(
    definition=(
        "A trace is N+1 when a query that reads rows by one value of a key, from one place in the code, ran for"
        " several different values where one query for all of them would do. Five different values are enough by"
        " themselves; two to four need a list before them that can feed them, and to make up a good part of the"
        " request. No N+1: the same values asked again (a cache that is missing), a list of keys, the next page, `FOR"
        " UPDATE`, a validation, a write."
    ),
    features={
        "statements": "statements of the trace, noise (transactions, catalogue) left out",
        "templates": "different templates among them",
        "total_ms": "time of all statements; null where none was logged",
        "with_caller": "share of statements that told their call site",
        "with_values": "share that told their values",
        "with_duration": "share that told their duration",
        "traced": "whether there is a trace id",
        "place": "the first call site",
        "repeats": "statements of the surest loop",
        "distinct_params": "different values in it; null where none were logged",
        "wasted_ms": "its time without its longest statement: about what one query would save",
        "time_share": "its wasted time as a share of the trace's time",
        "doublings": "log2 of the different values, at most 5",
        "long": "1 for five or more different values",
        "adjacent": "share of its turns at most six statements apart",
        "few_share": "of two to four values: share of the request that is repeated look-ups",
        "few_veiled": "1 for few repeats whose values were not logged",
        "orphan": "1 where nothing before it returns many rows",
        "stray": "1 for an orphan in a session without trace ids",
        "by_name": "1 where it asks by a name or a code, not by an id",
        "settings": "1 where the table holds settings, translations, flags",
        "writes": "changes of data in each turn, at most 1",
    },
    evidence={
        "groups": "the loops, the surest first: template, count, distinct_params, wasted_ms, parent (the query that"
        " feeds it), caller, kind (what a turn asks for), probability",
        "lacked": "columns that the log did not fill for every statement",
    },
    blind_spots=(
        "Two values without a list before them, and pairs whose values are not logged.",
        "Loops around a loader that is itself a batch (`IN (?, ?)` once per object).",
        "Settings of one user by name look like rows of one owner; which of two values changed is not looked at.",
        "A loop over databases or shards by `search_path` is a repetition with the same values here.",
        "A recursion through many call sites, where these are logged, falls apart into pieces of one.",
        "Relations are read from names: a parent without a matching name counts, but the rewrite may be missing.",
        "In a session without trace ids a silence under `idle_ms` joins two requests, and gets by id without a list"
        " before them are never flagged. Log a trace id (sqlcommenter, `application_name`).",
        "A session that is never silent for five seconds is cut every 40 seconds; a loop across a cut counts as two.",
        "Statements cut short by the log count as statements but never as a loop.",
    ),
)
