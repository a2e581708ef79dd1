"""SQL, NoSQL, LDAP and XPath injection. Sources: OWASP CRS 942, 921, 934, libinjection's families, cheat sheets."""

from __future__ import annotations

from engine.waf.signals.contract import ANYWHERE, SURE, TEXTS, VALUES, Signal

_SQL = "SQL injection"
_NOSQL = "NoSQL injection"
_LDAP = "LDAP or XPath injection"
_Q = r"""['"`\u2018\u2019\u00b4]"""
_CALLS = (
    r"extractvalue|updatexml|load_file|group_concat|concat_ws|xp_[a-z]{4,}|sp_(?:executesql|password|oacreate)|utl_(?:inaddr|http)"
    r"|make_set|json_(?:extract|depth|keys|length)|ctxsys\.drithsx|dbms_[a-z]+|information_schema|sysobjects|syscolumns"
    r"|pg_(?:catalog|sleep|read_file|user|shadow)|sqlite_(?:master|version)|all_tables|user_tables|mysql\.(?:user|db)|sysibm|msysaccessobjects"
    r"|rdb\$|randomblob|sysdatabases|sys\.(?:tables|objects|databases)|xmltype|gtid_sub|st_latfromgeohash|polygon\(|performance_schema|sysdate\(\)"
)
_FUNCS = (
    r"char|chr|nchar|ascii|ord|mid|substr|substring|substring_index|concat|cast|convert|unhex|hex|bin|version|database|user|current_user|"
    r"session_user|system_user|schema|sleep|benchmark|length|char_length|floor|rand|count|coalesce|ifnull|nullif|if|iif|elt|"
    r"row|exp|md5|sha1|greatest|least|ltrim|reverse|instr|position|encode|decode|lower|upper|trim|isnull|quotename|db_name|has_dbaccess|to_char"
)
_MATHS = (
    r"sin|cos|tan|asin|acos|atan2?|sqrt|pow|log(?:2|10)?|ln|abs|ceil(?:ing)?|sign|radians|degrees|truncate|pi|mod|strcmp|space|repeat|replace|"
    r"rpad|lpad|quote|soundex|compress|uncompress|crc32|inet_aton|inet_ntoa|name_const|master_pos_wait|last_insert_id|row_count|found_rows|"
    r"date_add|date_sub|datediff|dayname|dayofmonth|from_unixtime|unix_timestamp|utc_time|curdate|curtime|sysdate|localtime|std(?:dev)?_?\w*|"
    r"var_?\w*|bit_\w+|aes_\w+|des_\w+|sha2?|password|old_password|uuid(?:_short)?|is_(?:free|used)_lock|get_lock|release_lock|charset|"
    r"collation|coercibility|export_set|field|find_in_set|format|locate|group_concat|json_\w+|to_(?:base64|days|seconds)|weight_string|xmltype|avg|"
    r"sum|min|max|likelihood|likely|unlikely|glob|total|total_changes|typeof|zeroblob|printf|julianday|strftime|regexp_\w+"
)

SIGNALS = [
    Signal(
        "sql-union", _SQL, "UNION SELECT joins a second query",
        r"union(?:\W|\d){0,40}(?:all|distinct|distinctrow)?(?:\W|\d){0,40}select\b",
        zones=ANYWHERE,
    ),
    Signal(
        "sql-select", _SQL, "a SELECT ... FROM as a database reads it",
        r"\bselect\b(?:[^a-z]{0,6}(?:\*|\d|null|count|top \d|distinct|@|case|char|concat|if\()|"
        r"[\w\s.,`()\[\]]{1,80}?(?:\bfrom\b|\()\s*[\w.`\"\[(]+\s*(?:where\b|limit\b|group by|order by|having\b|"
        r"union\b|--|#|;|\)|,|$))",
        zones=ANYWHERE,
    ),
    Signal("sql-subselect", _SQL, "a query in brackets", r"\(\s*select\b|\bselect\s*\(", zones=ANYWHERE),
    Signal("sql-from-schema", _SQL, "names a database's own tables or functions", rf"\b(?:{_CALLS})", zones=ANYWHERE),
    Signal(
        "sql-always-true", _SQL, "a condition that is always true",
        r"\b(?:or|and|where|having|xor|when|not)\b[\s(!~+\-]*(?:\d+|true|false|null|'[^']*'?|\"[^\"]*\"?)\s*(?:=|"
        r"<=?>?|>=?|!=|\blike\b|\bis\b|\bin\b|\bbetween\b|\bregexp\b|\brlike\b|\bsounds like\b)[\s(]*['\"\d(ntf@%]",
        zones=ANYWHERE,
    ),
    Signal(
        "sql-quote-logic", _SQL, "a quote, then OR or AND",
        rf"{_Q}\s*[)\s]*(?:\|\||&&|\b(?:or|and|xor|div|mod|like|rlike|regexp|between|in|is|having|not|union|order|"
        rf"group|limit|procedure|where|from|collate)\b)[\s(]*(?:{_Q}|\d|not\b|select|exists|[a-z_@.]+\s*(?:=|<|>|"
        rf"\(|\blike\b|\bis\b|\bin\b|\bbetween\b)|\(|true|false|null|$)",
        zones=TEXTS,
    ),
    Signal(
        "sql-quote-compare", _SQL, "a quote breaks out into a comparison",
        rf"{_Q}\s*[)\s]*(?:=|<>|<=>|<|>|!=|\+|\*|%|\^|\|\|)\s*[(\s]*{_Q}",
        zones=("arg", "path", "cookie"),
    ),
    Signal(
        "sql-number-logic", _SQL, "a number, then OR or AND with a comparison",
        r"(?:^|[=\s(])-?\d+[)'\"]*\s*(?:or|and|xor|\|\||&&)\s*[(!\s'\"]*[\w.@'\"]+[\s'\")]*(?:=|<|>|!=|\blike\b|"
        r"\bin\b|\bbetween\b|\bis\b|\()",
    ),
    Signal(
        "sql-stacked", _SQL, "a second statement after `;`",
        r";\s*(?:select|insert|update|delete|drop|create|alter|exec|execute|declare|shutdown|waitfor|truncate|"
        r"merge|grant|revoke|begin|commit|rollback|backup|if|set|call|use)\b[\s(@'\"\[]*(?:[\w@#*('\"\[]|$)",
    ),
    Signal(
        "sql-delay", _SQL, "asks the database to wait (blind injection)",
        r"\b(?:pg_)?sleep\s*\(\s*\d|\bsleep\s*\(\s*(?:\d|if|case|\()|\bbenchmark\s*\(|waitfor\s+(?:delay|time)|"
        r"dbms_(?:pipe\.receive_message|lock\.sleep)|generate_series\s*\(|pg_sleep|\bsleep\(__time__\)",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "sql-function", _SQL, "calls database functions",
        rf"(?:[\s=,(+'\"|]|^)(?:{_FUNCS})\s*\([^)]{{0,80}}(?:\bfrom\b|select|\d\s*,|0x|chr?\(|\)\s*[,)=<>|+]|'\s*,|"
        rf"@@|\(\))",
    ),
    Signal(
        "sql-function-name", _SQL, "a database function's name before a bracket, or a schema's name",
        rf"(?:^|[=\s,;+'\"(|])(?:(?:{_FUNCS})\(|(?:{_MATHS})\(\s*(?:['\"\d@)]|select|null|0x|$))|"
        rf"(?:^|=)(?:{_FUNCS}|{_MATHS})\s{{0,3}}\(\s*$|(?:^|=)(?:tempdb|master|msdb|mysql|northwind|"
        rf"schema_name|pg_toast|information_schema|sysobjects|dual|db_name|pg_catalog)(?:\W|$)",
        zones=("arg", "header", "cookie", "referer", "agent"),
    ),
    Signal(
        "sql-change", _SQL, "changes or drops tables",
        r"\binsert\s+(?:ignore\s+)?into\s+[\w.\[\]`\"]+\s*(?:\(|values|select)|"
        r"\bdelete\s+from\s+[\w.`\[]+(?:\s+where|\s*;|\s*--|\s*$)|\bdrop\s+(?:table|database|schema|view|procedure|"
        r"function|index|user|column)\b|\bupdate\s+[\w.`\[]+\s+set\s+\w+\s*=|\balter\s+(?:table|database|user)\b|"
        r"\bcreate\s+(?:table|database|user|function|procedure|trigger|or\s+replace)\b|\btruncate\s+table|"
        r"\bexec(?:ute)?\s*\(?\s*(?:master\.|sp_|xp_|immediate\s|@|')|\binto\s+(?:out|dump)file\b|\bload\s+data\b|"
        r"\bdeclare\s+@|\brename\s+table|\bmerge\b.{1,60}\busing\s*\(|\bcopy\s+\(|\bgrant\s+(?:all|select|connect)|"
        r"\bselect\b.{1,80}\binto\s+(?:@|#|out)",
    ),
    Signal(
        "sql-comment-end", _SQL, "cuts off the rest of the query with a comment",
        r"""(?:['"`)\]]|\b\d+|\bnull|\b(?:true|false)|\w)\s*;?\s*(?:--(?:\s*-|\s*\+|\s|\s*$)|--\s*\w{0,12}$|"""
        r"""\#\s*\w{0,8}$)|[')"`]\s*(?:\#|--)""",
        zones=("arg", "path", "cookie", "header"),
    ),
    Signal(
        "sql-quote-comment", _SQL, "a quote, then a comment to the end",
        r"""\w?['"`][)\s]*;?\s*(?:--[\s+-]*$|#\s*$|/\*\s*$)""",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "sql-inline-comment", _SQL, "splits words with SQL comments",
        r"\w/\*.{0,40}?\*/\s*\w|/\*!\d{0,5}\s*\w|['\")\d]\s*/\*",
        seen_in="plain", zones=("arg", "path", "cookie", "header", "referer"),
    ),
    Signal(
        "sql-order-by", _SQL, "counts columns or regroups (ORDER BY n, HAVING)",
        r"\border\s+by\s+(?:\d+|\(|[\w.]+\s*(?:--|#|limit))|\bgroup\s+by\b.{1,60}\bhaving\b|\bhaving\s+[\d'\"(]|"
        r"\bprocedure\s+analyse|\blimit\s+\d+\s*(?:,|offset)\s*\d+|\bunion\s+all\b|\boffset\s+\d+\s+rows",
    ),
    Signal(
        "sql-case", _SQL, "a CASE or IF decides inside the query",
        r"\bcase\s+(?:when|\d|\()|\b(?:iif|if)\s*\(\s*[^,()]{1,60}(?:\([^()]*\))?[^,()]{0,20},.{1,80},|"
        r"\bwhen\b.{1,60}\bthen\b.{1,60}\b(?:else|end)\b|\bif\s*\(?\s*\d+\s*=\s*\d+",
    ),
    Signal(
        "sql-encoded", _SQL, "text as CHAR() or long hexadecimal",
        r"\bch(?:a)?r\s*\(\s*\d{1,3}\s*[,)]|\b0x[0-9a-f]{6,}|\bx'[0-9a-f]{4,}'|\bunhex\s*\(|@@\w{3,}|@\w+\s*:?=\s*|"
        r"\|\|\s*chr",
    ),
    Signal(
        "sql-quote-end", _SQL, "ends on a stray quote or with quote and bracket",
        rf"(?:^|=)\s*[^\s'\"]{{0,40}}{_Q}[)\s;]*$|^[\w.\[\]-]*=?\s*{_Q}\s*[)\s]*(?:;|\||\+|-|,|$)|\w{_Q}\)+",
        zones=("arg", "cookie"),
    ),
    Signal(
        "sql-injected-word", _SQL, "SQL words with brackets or operators between them",
        r"\b(?:exists|in|any|all|some|not|and|or|like|between|rlike)\s*\(\s*select\b|"
        r"\bis\s+(?:not\s+)?null\s*(?:--|#|;|\)|and|or)|\bselect\s+(?:pg_|@@|version|user|database|load|current)|"
        r"\bas\s+[\"'`\w]+\s+from\b|\)\s+like\s+\(|\bexec(?:ute)?\s+(?:xp_|sp_|immediate\s|master\.)|"
        r"\bnot\s+exists\b|\b(?:union|select|insert|update|delete)\b[^a-z]{1,20}\b(?:all|select|into|from|null|"
        r"distinct)\b[^a-z]{0,20}(?:\bselect|\bfrom|null|['\"(*@\d])|\bdbo\.\w|\bsa\b.{0,9}\bmaster\b",
    ),
    Signal(
        "sql-cast", _SQL, "a PostgreSQL cast on input",
        r"[\w)'\"]::(?:int\d?|integer|text|jsonb?|numeric|varchar|char|double|bool(?:ean)?|regclass|date|bytea|"
        r"name|oid)\b",
        zones=VALUES, sure=SURE,
    ),
    Signal(
        "nosql-operator", _NOSQL, "a MongoDB operator as input",
        r"\[\s*\$(?:ne|gt|lt|gte|lte|eq|in|nin|regex|where|exists|or|and|not|size|type|mod|all)\s*\]|"
        r"[{,]\s*['\"]?\$(?:ne|gt|lt|gte|lte|eq|in|nin|regex|where|exists|or|and|not|func|expr)['\"]?\s*:|"
        r"\$(?:where|ne|gt|regex)['\"]?\s*[:=]",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "nosql-script", _NOSQL, "JavaScript for the database",
        r"\bthis\.\w+\s*(?:==|\.match|\[|!=|>|<)|(?:^|[=;'\"\s])return\s+(?:true|false|\(|'|\w+\s*==)|"
        r"\bdb\.\w+\.(?:find|insert|drop|remove|update|aggregate)|new\s+date\s*\(\s*\).{0,60}(?:while|do\s*\{)|"
        r"\bmapreduce\b|['\"]\s*(?:;|\|\|)\s*(?:return|sleep|var|it=|while)\b|\|\|\s*'?\d?'?\s*==\s*'?\d?",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "ldap-filter", _LDAP, "an LDAP filter breaks out",
        r"\*\)\s*\(|\)\s*\(\s*[|&!(]|\(\s*[|&!]\s*\(|\*\s*\(\s*\||\b(?:objectclass|userpassword|samaccountname|"
        r"memberof|uid|cn)=?\s*\*|\)\(\w+=|\*\)\)",
        zones=ANYWHERE,
    ),
    Signal(
        "xpath", _LDAP, "an XPath expression as input",
        r"\bname\s*\(\s*\)\s*=|\bcount\s*\(\s*/|\bstring-length\s*\(|/(?:child|parent|descendant|ancestor)::|"
        r"\bposition\s*\(\s*\)\s*=|'\s*\]\s*\|?\s*/|\btext\(\)\s*=",
        zones=ANYWHERE, sure=SURE,
    ),
]  # fmt: skip
