"""What a path, a query or a user agent is, told once a distinct text and joined back to the requests."""

from __future__ import annotations

import polars as pl

from engine.waf.honest import is_browser, is_good_bot, is_tool

_STATIC = (
    r"(?i)\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|eot|otf|mp4|webm|mp3|ogg|wav|m4s|ts|m3u8|"
    r"vtt|pdf|wasm|webmanifest)$"
)
_POLITE = (
    r"(?i)^/(?:robots\.txt|favicon\.\w+|apple-touch-icon[\w.-]*|browserconfig\.xml|sitemap[\w.-]*|ads\.txt|"
    r"app-ads\.txt|humans\.txt|security\.txt|manifest\.json|site\.webmanifest|\.well-known/(?:security\.txt|"
    r"acme-challenge/[\w-]+|change-password|assetlinks\.json|apple-app-site-association|traffic-advice|nodeinfo|"
    r"webfinger|openid-configuration|gpc\.json|passkey-endpoints|appspecific/[\w.]+|dnt-policy\.txt|"
    r"resource-that-should-not-exist-whose-status-code-should-not-be-200/?))$"
)
"""What browsers, robots and password managers ask every site for, linked or not."""
_LOGIN = (
    r"(?i)(?:^|[/_.-])(?:log[_-]?in(?:post|form|action|check|submit)?|sign[_-]?in|auth(?:enticate|entication)?|sessions?|wp-login|xmlrpc|token|passwd|"
    r"password|account/login|users?/sign_in|logon|otp|2fa|verify|dologin|j_security_check|"
    r"j_spring_security_check)(?:[/._?-]|$)"
)
_LOGIN_FORM = (
    r"(?i)(?:log[_-]?in(?:post|form|action|check|submit)?|sign[_-]?in|logon|session|auth|xmlrpc)(?:\.\w{2,5})?/?$"
)
"""Where a form that comes back with status 200 means that the password was wrong."""
_API = r"(?i)/api/|\.json$|token|oauth|graphql"
_WORDPRESS = (
    r"(?i)/wp-(?:content|includes|admin|json|login|config|cron|signup|links|mail|settings)|/wlwmanifest\.xml|"
    r"/xmlrpc\.php"
)
_RANDOM_PATH = r"^/(?:[a-z0-9]*\d[a-z]\w{6,}|[A-Za-z]{12,}|\d{6,})/?$"
_RANDOM_QUERY = r"^(?:[\w-]{1,12}=)?(?:\d{5,}|[A-Za-z0-9]{8,}|0\.\d{6,})$"
_AUTHOR = r"(?i)(?:^|&)author=\d"


_NUMBERS = r"[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*|\d{3,}"


def kind_of(path: pl.Expr) -> pl.Expr:
    """A path with its long numbers, hashes and UUIDs taken out, so that all avatars are one kind of page."""
    return path.str.replace_all(_NUMBERS, "0")


def is_static(path: pl.Expr) -> pl.Expr:
    """Whether a path is part of a page, or what everybody asks every site for."""
    return path.str.contains(_STATIC) | path.str.contains(_POLITE)


def marked(events: pl.DataFrame) -> pl.DataFrame:
    """`events` with the flags of path, query and user agent (bool, false where there is none) and the path's `kind`."""
    path, query, agent = pl.col("path"), pl.col("query"), pl.col("user_agent")
    flags = {
        "path": {
            "is_static": is_static(path),
            "is_login": path.str.contains(_LOGIN),
            "is_login_form": path.str.contains(_LOGIN_FORM),
            "is_api": path.str.contains(_API),
            "is_wordpress": path.str.contains(_WORDPRESS),
            "is_xmlrpc": path.str.ends_with("/xmlrpc.php"),
            "is_random_path": path.str.contains(_RANDOM_PATH),
        },
        "query": {"is_random_query": query.str.contains(_RANDOM_QUERY), "is_author": query.str.contains(_AUTHOR)},
        "user_agent": {"is_good_bot": is_good_bot(agent), "is_tool": is_tool(agent), "is_browser": is_browser(agent)},
    }
    for column, named in flags.items():
        known = events.select(pl.col(column).drop_nulls().unique()).with_columns(**named)
        if column == "path":
            known = known.with_columns(kind_of(path).alias("kind"))
        events = events.join(known, on=column, how="left", maintain_order="left")
        events = events.with_columns(pl.col(*named).fill_null(False))
    return events
