"""Clients that say who they are: search engines, link previews, monitors, feed readers. And who is plainly a tool.

A name can be forged, so it excuses only what such robots do anyway (crawling, following dead links), never a payload,
a guessed password or a flood. Sources: crawler-user-agents (MIT), the operators' own pages.
"""

from __future__ import annotations

import polars as pl

GOOD_BOTS = (
    r"(?i)googlebot|google-inspectiontool|adsbot-google|mediapartners-google|apis-google|feedfetcher|google-read-aloud|googleother|storebot-google|"
    r"bingbot|bingpreview|msnbot|adidxbot|duckduckbot|duckassistbot|applebot|yandex(?:bot|images|mobile|metrika|accessibility|render)|baiduspider|"
    r"slurp|sogou|petalbot|seznambot|naver|yeti/|qwant|exabot|mojeek|ccbot|gptbot|chatgpt-user|oai-searchbot|claudebot|claude-(?:web|user|searchbot)|"
    r"anthropic-ai|perplexity|amazonbot|bytespider|meta-external|facebookexternalhit|facebot|twitterbot|linkedinbot|slackbot|slack-imgproxy|"
    r"discordbot|telegrambot|whatsapp|pinterest|redditbot|skypeuripreview|ia_archiver|archive\.org_bot|internetarchive|ahrefsbot|ahrefssiteaudit|"
    r"semrushbot|siteauditbot|mj12bot|dotbot|rogerbot|blexbot|dataforseo|serpstat|barkrowler|screaming frog|sitebulb|"
    r"uptimerobot|uptime-?kuma|pingdom|statuscake|better ?uptime|betterstack|site24x7|newrelicpinger|datadog|checkly|hetrixtools|freshping|"
    r"kube-probe|elb-healthchecker|googlehc|prometheus|blackbox|nagios|check_http|zabbix|icinga|haproxy|consul health|"
    r"feedly|feedbin|inoreader|newsblur|netnewswire|miniflux|tiny tiny rss|freshrss|feedburner|superfeedr|theoldreader|newsboat|liferea|"
    r"universal ?feed ?parser|simplepie|magpie|akregator|feeddemon|bloglines|"
    r"let'?s encrypt|validator\.w3\.org|w3c_|lighthouse|gtmetrix|chrome-lighthouse|pagespeed|bitwarden|1password|lastpass|passwords?/|"
    r"mastodon|pleroma|misskey|akkoma|lemmy|friendica|iframely|embedly|flipboard|bitlybot|bitrix link preview|panscient|zoominfobot|turnitin|"
    r"tineye|wordpress/|jetpack|cloudflare|fastly|akamai"
)
TOOLS = (
    r"(?i)^(?:curl|wget|python|go-http|java|okhttp|libwww|lwp|perl|ruby|php|guzzle|node|axios|got|undici|scrapy|aiohttp|httpx|httpie|"
    r"apache-httpclient|winhttp|powershell|postman|insomnia|dart|rust|reqwest|faraday|restsharp)|headlesschrome|phantomjs|selenium|puppeteer|playwright"
)


def is_good_bot(agent: pl.Expr) -> pl.Expr:
    """Whether a user agent names an honest robot (false for none)."""
    return agent.str.contains(GOOD_BOTS).fill_null(False)


def is_tool(agent: pl.Expr) -> pl.Expr:
    """Whether a user agent names a program rather than a browser (true for an empty one)."""
    return (agent.str.contains(TOOLS) | agent.is_in(["", "-"])).fill_null(False)


def is_browser(agent: pl.Expr) -> pl.Expr:
    """Whether a user agent looks like a browser (which any tool can claim)."""
    named = agent.str.contains(r"^(?:Mozilla/\d|Opera/\d).*(?:Chrome|Firefox|Safari|Edge?|OPR|Opera|MSIE|Trident|Gecko|Konqueror)")
    return named.fill_null(False) & ~is_tool(agent)
