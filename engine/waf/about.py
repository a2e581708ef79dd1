"""What the WAF detector says of itself."""

from __future__ import annotations

from engine.about import About

ABOUT = About(
    definition=(
        "A client's minute is an attack when what its requests carry (payload signals and a model over them), what"
        " the client does (leaky buckets, slow counts, failed logins, the same across clients) or what it did in the"
        " quarter of an hour before make that probable. The heaviest part of the evidence counts in full, each further"
        " one half; nothing else enters the score. What a site's own clients do all the time is its habit and no"
        " attack."
    ),
    features={
        "requests": "requests of the client in the minute",
        "distinct_targets": "different paths with their queries",
        "path_entropy_bits": "Shannon entropy of the paths",
        "query_entropy_bits": "Shannon entropy of the queries; null where there were none",
        "user_agents": "different user agents",
        "gap_variation": "standard deviation of the gaps over their mean: 0 is a machine's beat; null under five"
        " requests",
        "share_4xx": "share answered 400 to 499",
        "share_5xx": "share answered 500 to 599",
        "share_not_get": "share that is neither GET nor HEAD",
        "methods": "different methods",
        "share_static": "share of pictures, style sheets, scripts and what every site is asked for",
        "payload_p": "probability of the worst payload",
        "payload_requests": "requests whose payload is more likely an attack than not",
        "evidence_p": "probability from this minute's evidence alone",
        "earlier": "minutes of the quarter of an hour before that were attacks by themselves",
        "good_bot": "whether every request says it is a known robot (search, preview, monitor, feed reader)",
        "tool": "whether every request is a program's",
        "likelihood": "the score",
        "parts": "the evidence",
        "lacked": "columns that the log did not fill",
    },
    evidence={
        "parts": "heaviest first, six at most: kind (payload, or a behaviour), weight, words, up to five requests that"
        " show it",
        "lacked": "what the log told of no request",
    },
    blind_spots=(
        "Bodies and most headers are not in an access log; a POST's payload is then invisible. The middle of texts over"
        " 256 kB and what comes after 2,000 arguments of one request are not read.",
        "Business abuse with honest requests: scraping slower than 40 pages in 20 s, stolen sessions, enumeration that"
        " is answered 200.",
        "Text about attacks looks like attacks: searches for SQL in a forum, pastes, CMS editors that send HTML. A site"
        " teaches its own model.",
        "The first failures of slow guessing; a shared effort with fewer than four clients or one failure each.",
        "Several robots that are mostly served and ask for the same missing pages pass for a habit of the site.",
        "A flood below 900 requests in 90 s from one address with fixed queries. A flood from many addresses is told"
        " from ten clients with thirty requests a minute on one page each, and for its first ten minutes.",
        "Regular timing and entropies are told among the figures but not weighed: a health check is more regular than"
        " any scanner.",
        "Clients behind one address are one client; IPv6 clients that change their address are many.",
        "A scan that a site answers with 200 or 502 throughout shows only by its paths' names and as crawling.",
    ),
)
