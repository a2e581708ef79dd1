"""Path traversal, files nobody links to, wrappers, remote includes, request forgery, XML entities, smuggled headers.

Sources: OWASP CRS 920, 921, 930, 931 and 934, the CrowdSec scenarios' names, the files that scanners ask for first.
"""

from __future__ import annotations

from engine.waf.signals.contract import ANYWHERE, SURE, TEXTS, Signal

_DIR = "path traversal"
_SENSITIVE = "sensitive file"
_SSRF = "request forgery"
_XML = "XML entity or server-side include"
_SPLIT = "header injection"
_EVASION = "evasion"
_ETC = (
    r"passwd|shadow|group|groups|hosts|hostname|issue|fstab|crontab|sudoers|resolv\.conf|my\.cnf|mtab|motd|"
    r"master\.passwd|security|ssh|apache\d?|nginx|httpd|mysql|php|cron|init\.d|os-release|profile|bashrc|"
    r"environment|mnt_info"
)

SIGNALS = [
    Signal(
        "dir-up-encoded", _DIR, "`../` in an encoded form",
        r"(?:%2e|%252e|%c0%ae|%u002e|\.){2}(?:%2f|%252f|%5c|%255c|%c0%af|%c1%9c|%u2215|%u2216|%25c0%25af)|(?:%2e|"
        r"%252e|%c0%ae|%uff0e){2}(?:/|\\)|(?:%252e|%25252e)",
        seen_in="raw", zones=TEXTS, sure=SURE,
    ),
    Signal(
        "dir-up-twice", _DIR, "climbs two or more folders",
        r"(?:\.{2,}[/\\;]+){2,}|\.\.[/\\]+(?:[^/\\\s]{1,20}[/\\]+)?\.\.[/\\]",
        zones=("arg", "path", "cookie", "header", "referer", "agent"), sure=SURE,
    ),
    Signal(
        "dir-up", _DIR, "climbs a folder",
        r"(?:^|[/\\=\"':,])\.{2,}[/\\]|\.\.\\|[/\\]\.\.(?:[/\\;]|$)|^\.\.[/\\]",
        zones=("arg", "path", "cookie", "header"),
    ),
    Signal("dir-up-param", _DIR, "`..;/` slips past a proxy", r"\.\.;/|/;/|/%3b/", zones=("path", "arg"), sure=SURE),
    Signal(
        "os-file", _SENSITIVE, "a file of the operating system",
        rf"[/\\]etc[/\\]+(?:\./)?(?:{_ETC})\b|[/\\]proc[/\\](?:self|version|cpuinfo|\d)|\b(?:win|boot|system|"
        rf"php)\.ini\b|[/\\](?:windows|winnt)[/\\]|system32|ntuser\.dat|[/\\]var[/\\](?:log|www|lib)[/\\]|"
        rf"\.ssh[/\\]|id_(?:rsa|dsa|ed25519)\b|\bc:[/\\]+\w|autoexec\.bat|\\\\[\w:.]+\\\w+\$?|[/\\]dev[/\\](?:tcp|"
        rf"udp|random|urandom|cmdb)|\bsam\b.{0,4}\brepair\b|/\?{{3}}|/e\?{{2}}|=/root/|/root/\.|\$home/\.",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "app-inside", _SENSITIVE, "an application's inner files",
        r"\b(?:web|meta)-inf\b|/\.(?:git|svn|hg|bzr|cvs)(?:/(?:config|head|refs|hooks|index|objects|logs|entries|"
        r"wc\.db|hgrc|dirstate|store|info|packed-refs|description|commit)|/?$|ignore|config|modules)|(?:^|"
        r"/)(?:\.env|\.env\.[\w.]+|\.htaccess|\.htpasswd|\.ds_store|\.npmrc|\.dockercfg|\.pgpass|\.bash_history|"
        r"\.bashrc|\.profile|\.mysql_history|\.netrc|\.aws|\.ssh|\.kube|\.docker|\.vscode|\.idea|\.suspected|"
        r"\.remote-sync\.json|\.ftpconfig|sftp-config\.json|docker-compose[\w.-]*\.ya?ml|wp-config|web\.config|"
        r"parameters\.ya?ml|appsettings[\w.]*\.json|credentials|secrets?\.(?:json|ya?ml)|config\.(?:inc|old|bak)|"
        r"laravel\.log|debug\.log|error_log|composer\.(?:json|lock)|package-lock\.json|dump\.sql|backup\.sql|"
        r"database\.sql|phpunit\.xml|terraform\.tfstate|kubeconfig|\.travis\.yml|firebase\.json|\.boto|"
        r"\.s3cfg)(?:$|[?/.~_-])",
        zones=("path", "arg"), sure=SURE,
    ),
    Signal(
        "backup-file", _SENSITIVE, "a backup, dump or editor copy",
        r"\.(?:bak|bkp|backup|old|orig|save|swp|swo|tmp|sql|sqlite3?|mdb|tfstate|pem|key|kdbx|pfx|p12|jks|ppk|pcap|"
        r"ldf|mdf|inc|conf|cfg|ini|log|dbf|rdp|reg|vbs|cer|bat|cmd|sys|dll|rdb|pwd|pass|pol|pdb|csr|lnk|xsd|xsx|"
        r"dat|db|cs|ida|idq|idc|htr|printer|axd|config|asa|asax|resx|csproj|vbproj|licx|backup~?)(?:\.(?:gz|zip|"
        r"tar|7z|rar|bz2))?$|\w~$|\.(?:php|asp|jsp|env|sql|html?)[._-](?:bak|old|orig|save|swp|txt|zip|gz|tar|\d|"
        r"copy|dist|sample)",
        zones=("path",), sure=SURE, soft=True,
    ),
    Signal(
        "double-extension", _SENSITIVE, "a script dressed up as another file",
        r"\.(?:php\d?|phtml|jspx?|aspx?|cgi)(?:[;\x00\n\r]|\\u00|%00|::\$data|\.)[\w.]{0,12}\.?(?:png|jpe?g|gif|"
        r"txt|css|js|pdf)$|filename\s*=\s*[\"']?[^\"'\r\n]{0,120}\.(?:php\d?|phtml|phar|pht|jspx?|aspx?|ashx|cgi|"
        r"war|htaccess|user\.ini)[\"';\s.]|^x[.\-_]file\w*:\s*\S+\.(?:php\d?|phtml|jspx?|aspx?|ph\w+)\b|"
        r"^x[.\-_]file\w*:.{0,80}sess_",
        seen_in="plain", zones=("path", "arg", "body", "header"), sure=SURE, soft=True,
    ),
    Signal(
        "wrapper", _SSRF, "a stream wrapper or an unusual protocol",
        r"\b(?:php|phar|zip|expect|glob|ogg|zlib|rar|ssh2(?:\.\w+)?|compress\.\w+|gopher|dict|ldaps?|tftp|sftp|"
        r"netdoc|jar|imap|nntp|smb|rsync|svn|telnet|ftp|mailto:file|unix|cmd|view-source|resource|chrome)://?|"
        r"\bfile:[/\\$]|\bjar:http|\bdata:[\w/;+-]{0,40},[a-z0-9+/]{8,}|data:text/plain|unix:a{5,}",
        zones=("arg", "header", "cookie", "path", "agent"), sure=SURE,
    ),
    Signal(
        "inner-address", _SSRF, "an address inside the network or the cloud's metadata",
        r"(?:^|[=\"'\s:/,@])(?:https?:)?//(?:[^/\s]*@)?(?:localhost|127\.\d|0\.0\.0\.0|10\.\d{1,3}\.\d|192\.168\.|"
        r"172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|\[|0x[0-9a-f]{2}|0\d{2,}\.|\d{8,10}(?:[/:?#]|$)|metadata\.|"
        r"instance-data|100\.100\.100\.200|127-0-0-1|localtest\.me|\w+\.internal\b|burpcollaborator)|"
        r"169\.254\.169\.254|metadata\.google|latest/meta-data|\b(?:0x7f|2130706433|017700000001)\b|\[::(?:ffff|1|"
        r"\])",
        zones=("arg", "header", "cookie"), sure=SURE,
    ),
    Signal(
        "callback-host", _SSRF, "a host that testers use to be called back",
        r"\b(?:oast\.(?:me|pro|live|fun|site|online)|oastify\.com|interact\.sh|interactsh|burpcollaborator|bxss|"
        r"xss\.(?:ht|report)|canarytokens|dnslog|ceye\.io|requestbin|webhook\.site|pipedream\.net|ngrok\.io|"
        r"sslip\.io|nip\.io|xip\.io|scanme\.sh|r87\.(?:me|com)|cirt\.net|evil\.(?:com|corp|example)|attacker\.\w+|"
        r"burpcoll\w*|rfiinc|example\.com/rfi|testasp\.vulnweb|vulnweb)",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "remote-include", _SSRF, "a web address where a file name belongs",
        r"^[\w.\-\[\]%]{1,60}=\s*(?:https?|ftp)://[^\s?&=]{3,120}(?:\?+|%00|\.(?:txt|php\d?|sh|pl|gif\?|jsp|dtd|"
        r"svg|ps1|exe|jar|xml|hta)\??)\s*$|(?:^|_)conf\[path\]=|\b(?:include|require|path|dir|root|page|file|inc|"
        r"lib|basepath|absolute_path|abs_path|config|template|tpl|lang\w*file|pg|cmsdir)\w*\]?=\s*(?:https?|"
        r"ftp)://|^x=file\?|=\s*https?://\d{1,3}(?:\.\d{1,3}){3}|=\s*(?:https?:)?//?@|=\s*@[\w.-]+\.[a-z]{2,}$|"
        r"=\s*https?://[^/\s]{1,80}@",
        zones=("arg",),
    ),
    Signal(
        "xml-entity", _XML, "an XML document that defines its own entities",
        r"<!doctype[^>]{0,400}(?:\[|\bsystem\b|\bpublic\s+[\"'][^-])|<!entity|<!element|xi:include|xmlns:xi|<xsl:|"
        r"<xs:(?:include|import|redefine)|xsi:schemalocation\s*=\s*[\"'][^\"']*https?://\d",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "server-include", _XML, "a server-side include",
        r"<!--\s*#\s*(?:exec|include|echo|config|printenv|set|fsize|flastmod|if|elif)|<esi:",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "header-split", _SPLIT, "a line break, then a header",
        r"[\r\n]\s*\d?\s*(?:set-cookie|location|content-(?:type|length|disposition)|host|transfer-encoding|refresh|"
        r"x-[\w-]+|http/\d)\s*:?|[\r\n]+\s*(?:get|post|head|put|delete|options)\s+\S+\s+http/\d|(?:^|=|\s)(?:get|"
        r"post|head|put|patch|delete|options|trace)\s+/?\S{0,200}\s+http/\d",
        seen_in="plain", zones=("arg", "path", "header", "cookie"), sure=SURE,
    ),
    Signal(
        "mail-split", _SPLIT, "mail commands after a line break",
        r"[\r\n]+\s*(?:\.\s*[\r\n]|quit|rcpt to|data\b|mail from|helo|ehlo|rset|to:|cc:|bcc:|subject:|a\d+ \w+|"
        r"v\d+ \w+|uid )|\bbcc\s*:\s*\S+@|\b(?:smtp|imap|pop)\b.{0,10}\bcommand",
        seen_in="plain", zones=("arg", "path", "header", "cookie"), sure=SURE,
    ),
    Signal(
        "nul-byte", _EVASION, "a NUL byte or control signs",
        r"%00|\\x00|\\u0000|%25%30%30|%2500|%0[1-8bcef]|%1[0-9a-f]|%7f",
        seen_in="raw", zones=("arg", "path", "cookie", "header", "referer", "agent"), sure=SURE,
    ),
    Signal(
        "line-break", _EVASION, "an encoded line break in a path or name",
        r"%(?:25)?0[ad]|\\r\\n|%e5%98%8[ad]|%25%30%[46]",
        seen_in="raw", zones=("path",), sure=SURE,
    ),
    Signal(
        "overlong", _EVASION, "an overlong or invalid encoding",
        r"%c0%[a-f8-9]|%c1%[89a-f]|%e0%80%|%u[0-9a-f]{4}|%f[89a-f]%|%25%[0-9a-f]{2}|%25[2-7][0-9a-f]|%2525|"
        r"%25(?:3c|27|22|2e|2f|3e|28|5b|24)",
        seen_in="raw", zones=("arg", "path", "cookie", "header", "referer"),
    ),
    Signal(
        "many-layers", _EVASION, "script signs behind two or more layers of encoding",
        r"%25(?:25)*(?:3c|3e|27|22|28|29|2e|5c|3b|7c|60)|&amp;(?:lt|gt|#)|%26(?:lt|gt|%23|#)|\\u003c|%u003c|"
        r"&#x?0*(?:60|3c|62|39|40|34)\b",
        seen_in="raw", zones=("arg", "path", "cookie", "header", "referer"),
    ),
    Signal(
        "odd-charset", _EVASION, "a body in a charset that filters cannot read",
        r"^content-type\s*:.*(?:charset\s*=\s*[\"']?(?:ibm\d|utf-?(?:7|16|32)|utf-8\d|garbage|cp\d)|"
        r"charset=.*charset=|boundary\s*=\s*[\"']?(?:application|text)/)|^content-transfer-encoding\s*:|"
        r"charset\s*=\s*utf-7",
        zones=("header", "body"), sure=SURE,
    ),
    Signal(
        "session-fix", _SPLIT, "a session id handed over in the address or script",
        r"document\.cookie\s*=|(?:^|[;\s])set-cookie\b|<meta[^>]+http-equiv[^>]+cookie|^\.?cookie;?\s*(?:expires|"
        r"domain|path)=|^(?:jsessionid|phpsessid|asp\.net_sessionid|sessionid|aspsessionid|jservsession|cfid|"
        r"cftoken|sid)=\S{6,}",
        zones=("arg", "path"),
    ),
    Signal(
        "prototype", "prototype pollution", "reaches for an object's prototype",
        r"__proto__|\bconstructor\s*(?:\[|\.|%5b)\s*['\"]?prototype|prototype\s*\[|\[constructor\]\[",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "graphql-schema", "API probing", "asks GraphQL for its whole schema",
        r"__schema\b|introspectionquery|__type\b.{0,40}\bfields\b|\bfulltype\b",
        zones=("arg", "body"), sure=SURE,
    ),
]  # fmt: skip
