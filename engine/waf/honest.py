"""Clients that say who they are: search engines, link previews, monitors, feed readers. And who is plainly a tool.

A name can be forged, so it excuses only what such robots do anyway (crawling, following dead links), never a payload,
a guessed password or a flood. Sources: crawler-user-agents (MIT), the operators' own pages.
"""

from __future__ import annotations

import polars as pl

GOOD_BOTS = (
    r"(?i)googlebot|google-inspectiontool|adsbot-google|mediapartners-google|apis-google|feedfetcher|"
    r"google-read-aloud|googleother|storebot-google|bingbot|bingpreview|msnbot|adidxbot|duckduckbot|duckassistbot|"
    r"applebot|yandex(?:bot|images|mobile|metrika|accessibility|render)|baiduspider|slurp|sogou|petalbot|seznambot|"
    r"naver|yeti/|qwant|exabot|mojeek|ccbot|gptbot|chatgpt-user|oai-searchbot|claudebot|claude-(?:web|user|"
    r"searchbot)|anthropic-ai|perplexity|amazonbot|bytespider|meta-external|facebookexternalhit|facebot|twitterbot|"
    r"linkedinbot|slackbot|slack-imgproxy|discordbot|telegrambot|whatsapp|pinterest|redditbot|skypeuripreview|"
    r"ia_archiver|archive\.org_bot|internetarchive|ahrefsbot|ahrefssiteaudit|semrushbot|siteauditbot|mj12bot|"
    r"dotbot|rogerbot|blexbot|dataforseo|serpstat|barkrowler|screaming frog|sitebulb|uptimerobot|uptime-?kuma|"
    r"pingdom|statuscake|better ?uptime|betterstack|site24x7|newrelicpinger|datadog|checkly|hetrixtools|freshping|"
    r"kube-probe|elb-healthchecker|googlehc|prometheus|blackbox|nagios|check_http|zabbix|icinga|haproxy|"
    r"consul health|feedly|feedbin|inoreader|newsblur|netnewswire|miniflux|tiny tiny rss|freshrss|feedburner|"
    r"superfeedr|theoldreader|newsboat|liferea|universal ?feed ?parser|simplepie|magpie|akregator|feeddemon|"
    r"bloglines|let'?s encrypt|validator\.w3\.org|w3c_|lighthouse|gtmetrix|chrome-lighthouse|pagespeed|bitwarden|"
    r"1password|lastpass|passwords?/|mastodon|pleroma|misskey|akkoma|lemmy|friendica|iframely|embedly|flipboard|"
    r"bitlybot|bitrix link preview|panscient|zoominfobot|turnitin|tineye|wordpress/|jetpack|cloudflare|fastly|"
    r"akamai"
)
TOOLS = (
    r"(?i)^(?:curl|wget|python|go-http|java|okhttp|libwww|lwp|perl|ruby|php|guzzle|node|axios|got|undici|scrapy|"
    r"aiohttp|httpx|httpie|apache-httpclient|winhttp|powershell|postman|insomnia|dart|rust|reqwest|faraday|"
    r"restsharp)|headlesschrome|phantomjs|selenium|puppeteer|playwright"
)


def is_good_bot(agent: pl.Expr) -> pl.Expr:
    """Whether a user agent names an honest robot (false for none)."""
    return agent.str.contains(GOOD_BOTS).fill_null(False)


def is_tool(agent: pl.Expr) -> pl.Expr:
    """Whether a user agent names a program rather than a browser (true for an empty one)."""
    return (agent.str.contains(TOOLS) | agent.is_in(["", "-"])).fill_null(False)


def is_browser(agent: pl.Expr) -> pl.Expr:
    """Whether a user agent looks like a browser (which any tool can claim)."""
    named = agent.str.contains(
        r"^(?:Mozilla/\d|Opera/\d).*(?:Chrome|Firefox|Safari|Edge?|OPR|Opera|MSIE|Trident|Gecko|Konqueror)"
    )
    return named.fill_null(False) & ~is_tool(agent)
