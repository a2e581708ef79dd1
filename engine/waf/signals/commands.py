"""Command, template and language injection: shells, PHP, Java, Python, Ruby, Node, expression languages.

Sources: OWASP CRS 932, 933, 934 and 944, the tplmap and PayloadsAllTheThings families, log4shell obfuscations.
"""

from __future__ import annotations

from engine.waf.signals.contract import ANYWHERE, SURE, TEXTS, VALUES, Signal

_CMD = "command injection"
_TPL = "template injection"
_PHP = "PHP injection"
_JAVA = "Java injection"
_CODE = "code injection"
_UNIX = (
    r"cat|ls|id|whoami|uname|pwd|echo|printf|wget|curl|nc|ncat|netcat|bash|sh|zsh|ksh|csh|python\d?|perl|ruby|php|lua|gcc|chmod|chown|rm|cp|mv|"
    r"mkdir|touch|ps|netstat|ifconfig|ping\d?|nslookup|traceroute|tracert|telnet|ssh|scp|ftp|tftp|sleep|sed|awk|gawk|grep|egrep|xargs|"
    r"env|printenv|sudo|passwd|useradd|adduser|crontab|base64|xxd|gzip|unzip|busybox|ipconfig|systeminfo|tasklist|taskkill|regedit|regsvr32|"
    r"rundll32|powershell|pwsh|cmd|certutil|bitsadmin|wmic|mshta|cscript|wscript|schtasks|getent|hostname|nmap|socat|setsid|nohup|lsof|openssl|"
    r"uniq|strace|ltrace|gdb|vim|nano|killall|phpinfo|eval|exec|uptime"
)
_COMMON = (
    r"at|copy|cut|date|dd|del|df|dig|dir|du|expr|file|find|git|head|host|ip|jobs|kill|last|less|link|mail|make|man|more|mount|net|nl|node|od|reg|"
    r"rev|route|set|sort|source|stat|strings|su|tac|tail|tar|tee|time|timeout|tr|type|vi|w|watch|wc|who|alias|export|history|arp|dash|emacs"
)
"""Commands that are English words as well: they need an option, a path or an end right behind."""

SIGNALS = [
    Signal(
        "cmd-separator", _CMD, "a shell separator, then a command",
        rf"(?:[;|`\n]|&&|\|\||&\s|"
        rf"\$\()\s*(?:/?(?:usr/)?(?:local/)?s?bin/)?(?:{_UNIX})(?:\.exe)?(?:\s+[-/\w.\"'$*?%&>]|\s*[;|&`)<>]|\s*$|"
        rf"\{{|\()",
        seen_in="bare", zones=VALUES, sure=SURE,
    ),
    Signal(
        "cmd-separator-word", _CMD, "a shell separator, then a command with an option or path",
        rf"(?:[;|`\n]|&&|\|\||\$\()\s*(?:{_COMMON})(?:\.exe)?(?:\s+(?:[-/.$*?%<>]|[a-z]:)|\s*[;|&`<>]|$)",
        seen_in="bare", zones=VALUES,
    ),
    Signal(
        "cmd-alone", _CMD, "a shell command as the whole value",
        r"(?:^|=)\s*[!({]*\s*(?:cat|more|less|head|tail|tac|nl|type|vi|vim|nano)\s+[\w./~?*]*(?:[/\\]|\.(?:php|"
        r"conf|ini|txt|log|passwd))|(?:^|[=\s;|&])(?:/usr|/local)*/s?bin/\w+|\b(?:wget|curl|lwp-download|fetch|"
        r"lynx)\s+(?:-\S+\s+)*(?:https?://|ftp://|\d+\.\d+|[\w-]+\.\w{2,})|\b(?:nc|ncat|netcat)\s+-\w|\b(?:bash|sh|"
        r"zsh|ksh|cmd|cmd\.exe|powershell(?:\.exe)?|pwsh)\s+(?:-\w|/c|/k|\S+\.sh)|(?:^|=)(?:whoami|uname -\w+|"
        r"ipconfig(?: /all)?|ifconfig(?: -a)?|netstat -\w+|net user|systeminfo)\s*$|\bping\s+-[cn]\s*\d|"
        r"\bchmod\s+(?:\+x|[0-7]{3,4})|\brm\s+-[rf]{1,2}\b|\bnslookup\s+[\w.-]+\.\w|\btouch\s+/|"
        r"\bsleep\s+\d+\s*(?:$|[;|&`)])|\becho\s+[^|;]{1,80}(?:>|\|\s*\w)|\bsh,-c|\b(?:alias|export|"
        r"declare)\s+\w+=|--exec=|\bsudo\s+\w|\bunset\s+\w|\bset\s+[-+/][a-z]\b|\bprintenv\b|\bfind\s+/|"
        r"\bdir\s+[a-z]:|\balias\s+[-+]?[\w.\s-]*=|\balias\s+-\w|\bbusybox\s+\w|\bxp_cmdshell|\breg(?:edit|"
        r"\.exe)?\s+(?:/e|add|query|export)|\b(?:python\d?|perl|ruby|php|node|lua)\s+-[cer]\b",
        seen_in="bare", zones=("arg", "path", "header", "cookie", "agent", "referer"),
    ),
    Signal(
        "cmd-substitution", _CMD, "command substitution",
        rf"\$\(\s*(?:\(|[<\w/!]|`)|`\s*(?:/|\w*\s*)?(?:{_UNIX})\b[^`]{{0,200}}`|\$\{{?ifs|[<>]\(\s*\w|\$\(\(|"
        rf"`[^`]{{0,8}}\$\{{",
        seen_in="plain", zones=TEXTS,
    ),
    Signal(
        "cmd-brace", _CMD, "brace expansion or globbing hides a command",
        rf"\{{\s*(?:{_UNIX})\s*,|/\?+[a-z]?\?+|/[a-z?*\[\]]*(?:\?{{2,}}|\*\*)[a-z?*]*|/b\?n|\?in/|"
        rf"/[a-z]*\[[a-z^!-]{{1,3}}\][a-z]*(?:/|\s|$)|/\[[a-z]{{0,3}}/+[a-z/]{{0,8}}\]",
        seen_in="plain", zones=TEXTS,
    ),
    Signal(
        "shell-signs", _CMD, "shell variables, history or arithmetic",
        r"\$\{[#@*!?\d]|\$\{path|\$\{!|\$\{home|\$'|\$[@*!?#](?:\W|$)|(?:^|[=\s])~[+-](?:\d|$|/)|(?:^|[=\s])!-\d|"
        r"!\w+:\d|\$\[|<<<|\$_\b|\$\{\w+:\d|\$shell\b|\$home/",
        seen_in="plain", zones=TEXTS,
    ),
    Signal(
        "cmd-redirect", _CMD, "redirects into a file or socket",
        r"\d?>\s*(?:&\d|/(?:tmp|dev|etc|var|usr)|\w+\.(?:txt|php|sh|log|asp|jsp))|</dev|/dev/(?:tcp|null)|2>&1|"
        r"\|\s*(?:base64|sh|bash|tee|xargs|nc)\b|<\s*/etc",
        seen_in="bare", zones=TEXTS, sure=SURE,
    ),
    Signal(
        "shellshock", _CMD, "the shellshock function",
        r"\(\s*\)\s*\{",
        zones=("arg", "header", "cookie", "agent", "referer", "path"),
    ),
    Signal(
        "powershell", _CMD, "a PowerShell cmdlet",
        r"\b(?:invoke-(?:webrequest|expression|command|restmethod|item|wmimethod|history|cimmethod|mimikatz)|"
        r"(?:get|set|remove|copy|move|start|stop|clear)-(?:item(?:property)?|content|process|service|childitem|"
        r"wmiobject|cim\w+|eventlog|acl|executionpolicy|clipboard|credential|psdrive|aduser|computerinfo|hotfix|"
        r"pssession|scheduledjob|transcript|bitstransfer)|new-(?:object|psdrive|webserviceproxy|service|"
        r"item(?:property)?|pssession|localuser)|out-(?:file|null|string)|write-(?:host|output)|convertto-(?:json|"
        r"csv|html|securestring|xml)|add-(?:type|member|content|localgroupmember)|select-(?:object|string)|"
        r"foreach-object|where-object|enter-pssession|import-module|test-path)\b|\biex\b\s*\(|-encodedcommand|"
        r"system\.net\.webclient|downloadstring|\bfor\s+/[dflr]\b|\bif\s+(?:/i\s+)?(?:not\s+)?(?:exist|defined|"
        r"errorlevel|cmdextversion)\b",
        zones=("arg", "header", "cookie", "agent"), sure=SURE,
    ),
    Signal(
        "log4shell", _JAVA, "a JNDI lookup (log4shell)",
        r"\$\{\s*(?:jndi|\$\{|(?:lower|upper|env|sys|java|date|ctx|main|base64|bundle|k8s|docker|map|marker|web|"
        r"spring|script|dns|url|const|file|xml|::|:)\s*:)|\bjndi\s*:\s*(?:ldaps?|rmi|dns|iiop|nis|nds|corba|http)|"
        r"\$\{.{0,60}?j.{0,10}?n.{0,10}?d.{0,10}?i.{0,10}?:",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "log4shell-hidden", _JAVA, "a JNDI lookup spelled letter by letter",
        r"\$\{\s*jndi|jndi:(?:ldap|rmi|dns)",
        seen_in="bare", zones=TEXTS, sure=SURE,
    ),
    Signal(
        "java-class", _JAVA, "a Java class or method that runs code",
        r"\bjavax?\.(?:lang|util|io|net|naming|script|beans|nio|rmi|security|management|imageio|xml|swing|awt|"
        r"sql)\b|\bjava\.\w+\.\w+|runtime\W{0,30}(?:get|exec)|\bprocessbuilder\b|class\W?loader|org\.omg\b|"
        r"\bognl\b|opensymphony|\bxwork|springframework|freemarker|\bgetclass\b|\bforname\s*\(|memberaccess|"
        r"@java\.|commons\.(?:collections|beanutils|fileupload|configuration|io|exec|text)|(?:invoker|chained|"
        r"clone|constant|instantiate|prototypeclone)transformer|ysoserial|\bgroovy|scriptengine|\bbsh\.interpreter|"
        r"\bt\s*\(\s*java|\bstruts\d?\b|\bjboss\b|javassist|\bunmarshaller\b|base64data|\bwls[-_]|weblogic|"
        r"com\.sun\.|org\.(?:apache|codehaus|jboss|hibernate|mozilla|omg|python|netbeans)\.|sun\.(?:misc|reflect|"
        r"rmi)|getruntime|urlclassloader|fileinputstream|beanshell|velocity\.|\bbcel\b|classresolver|\baspectj|"
        r"\bbinding\.|\bcontext\.lookup",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "java-serial", _JAVA, "a serialised Java object",
        r"ro0ab[xq]|kztaavqbx|cs0abxq|aced0005|\\xac\\xed\\x00\\x05|%ac%ed%00%05|h4siaaaa.{0,12}aaa|bwv0ag9k|cm1p|"
        r"y2xhc3m",
        seen_in="raw", zones=ANYWHERE,
    ),
    Signal(
        "php-tag", _PHP, "PHP code between tags",
        r"<\?(?:php|=|\s|$)|<\?xml[^>]*<\?|<%\s*(?:=|@|eval|execute|response)|\[\s*/?php\s*\]|%?\bbase64_decode\b",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "php-call", _PHP, "a PHP function that runs code or reads files",
        r"\b(?:phpinfo|system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|assert|"
        r"preg_replace(?:_callback)?|call_user_func(?:_array)?|gzinflate|gzuncompress|str_rot13|file_get_contents|"
        r"file_put_contents|fopen|fwrite|fputs|fread|readfile|show_source|highlight_file|include(?:_once)?|"
        r"require(?:_once)?|create_function|var_dump|print_r|chr|md5|sha1|die|exit|eval|move_uploaded_file|"
        r"unserialize|scandir|opendir|glob|ini_set|ini_get|getenv|putenv|mb_ereg_replace|array_(?:map|filter|walk|"
        r"reduce|diff)|usort|uasort|register_shutdown_function|ob_start|parse_str|extract|is_\w+|set_error_handler|"
        r"fsockopen|curl_exec|mail|link|symlink|unlink|rename|mkdir|bin2hex|hex2bin|strrev|implode|explode|pack|"
        r"ord|printf|sprintf|print|echo|func_get_args?|get_defined_\w+|get_cfg_var|posix_\w+|phpversion|"
        r"session_start|error_log|dl|apache_\w+|iterator_apply|convert_uuencode|json_decode|nl2br|htmlspecialchars|"
        r"addslashes|create|define|constant|each|end|join|key|max|min|next|pi|pos|reset|sort|strlen|time|trim|"
        r"rtrim|ucfirst|uniqid)\s*(?:\(|/\*|//)\s*[^)]{0,200}\)?\s*(?:;|\)|\.|$|\?>)",
        zones=("arg", "header", "cookie", "path", "agent"),
    ),
    Signal(
        "php-hidden-call", _PHP, "calls a PHP function by a quoted name",
        r"\(\s*['\"]\w+\s*['\"]\s*\)\s*\(|\b(?:exec|system|assert|passthru|eval|file)\s*(?:#|//|/\*)[^(]{0,60}\(|"
        r"return\s*['\"]\w+['\"]\s*\(|\$\s+\{",
        seen_in="plain", zones=VALUES, sure=SURE,
    ),
    Signal(
        "php-variable", _PHP, "PHP variables or superglobals",
        r"\$_?(?:get|post|request|server|cookie|files|session|env|globals|http_\w+|php_\w+|argv|_(?:get|post|"
        r"request|server|cookie|files|session|env))\b\s*[\[\]{;(']|\$\$?\w+\s*=\s*['\"$\w(\[]|"
        r"\$\s*\{['\"`@][^}]{0,60}\}|\$\w+\s*\(|\$\{@|\b\w+\s*\(\s*\$\w|\$\w+\[['\"\d]",
        zones=("arg", "header", "cookie", "path", "agent"),
    ),
    Signal(
        "php-object", _PHP, "a serialised PHP object",
        r"\b[oc]:\+?\d{1,4}:[\\]?['\"][^'\"]{1,80}['\"]:\d+:\{|\ba:\d+:\{[is]:|\bphar://",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "php-setting", _PHP, "PHP settings as input",
        r"\b(?:auto_(?:prepend|append)_file|allow_url_(?:include|fopen)|disable_(?:functions|classes)|open_basedir|"
        r"safe_mode|opcache\.|suhosin\.|cgi\.(?:force_redirect|redirect_status_env|fix_pathinfo)|session\.(?:save|"
        r"upload|auto|use|cookie|gc|name|cache|serialize)_?\w*|mbstring\.\w+|xdebug\.|magic_quotes|"
        r"register_globals|zend\.|assert\.|date\.timezone|display_errors|error_log|upload_max|memory_limit|"
        r"max_execution|user_ini|pcre\.|soap\.wsdl|mysqli?\.|mail\.(?:add|log|force)|output_buffering|phar\.|"
        r"url_rewriter|zlib\.|highlight\.|include_path|variables_order|default_socket|short_open_tag)\w*\s*=|"
        r"-d\s+\w+\.?\w+=",
        zones=("arg", "header", "cookie"), sure=SURE,
    ),
    Signal(
        "template-maths", _TPL, "template signs around a sum or an object",
        r"(?:\{\{|\$\{|#\{|\*\{|@\(|<%=?|\{%|\[\[\$\{|\{#|\$\{\{|~\{)[^}%]{0,80}?(?:\d\s*[*+\-/]\s*'?\d|__|"
        r"\bself\b|\bconfig\b|\brequest\b|\bclass\b|\.get\w*\(|\bsystem\b|\bexec|\bfile\b|import|cycler|joiner|"
        r"lipsum|namespace|range\(|_self|\?new|execute|dump\(|app\.|process|require|global|env|print|foreach|php|"
        r"include|fetch)|<#assign|\[#assign|\$\{t\(|#set\s*\(|#evaluate|\$class\.|freemarker\.template|\{\{=|"
        r"\$\{\w+\.\w+\(|%\{[#(]",
        zones=ANYWHERE, sure=SURE,
    ),
    Signal(
        "template-signs", _TPL, "template signs in a value",
        r"\{\{.{1,200}\}\}|\$\{[^}]*[^\w}.-][^}]*\}|<%.{1,200}%>|#\{[^}]{1,120}\}|\{%.{1,120}%\}|\[\[\$?\{[^\"{\s]|"
        r"\*\{[^}]+\}|@\(\d|\{php\}",
        zones=("arg", "path", "header", "cookie", "agent", "referer"),
    ),
    Signal(
        "python-ruby", _CODE, "Python or Ruby code as input",
        r"__(?:import|class|mro|subclasses|globals|builtins|init|base|dict|getattribute|code)__|\bos\.(?:system|"
        r"popen|exec|spawn)|\bsubprocess\b|!!python/|!ruby/|!!\w+/object|\bpyimport\b|\bcheck_output\b|"
        r"\bkernel\.(?:system|exec|open)|\bio\.popen|\bfile\.(?:open|read)\s*\(|%x\(|\bexec\s*\(\s*['\"]|"
        r"\bcompile\s*\(\s*['\"]|\bpickle\b|\bsocket\.(?:gethost|socket|connect|create)\w*|\bdir\.entries|"
        r"\bopen\s*\(\s*['\"]/|\beval\s*\(\s*['\"]",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "node-code", _CODE, "Node.js code as input",
        r"\bchild_process\b|\brequire\s*\(\s*['\"]|\bprocess\.(?:env|mainmodule|binding|exit|kill|cwd|argv|"
        r"version)|_\$\$nd_func|\bglobal\.process|\b(?:spawn|exec|fork)(?:sync)?\s*\(|\bnew\s+function\s*\(|"
        r"\bthis\.constructor|\bconsole\.(?:log|debug|error|info)\s*\(|\bres\.(?:end|write|send)\s*\(|"
        r"\bfunction\s*\(\s*\)\s*\{|\bmodule\.exports|\bbuffer\.from|\bfs\.(?:read|write)\w*|\bjson\.stringify|"
        r"\b(?:while|for)\s*\([^)]*\)\s*[{;]",
        zones=("arg", "header", "cookie", "path"),
    ),
    Signal(
        "sql-or-code-load", _CODE, "a library or debugger is preloaded",
        r"\bld_(?:debug|preload|library_path|audit)\b|\bperl5(?:lib|opt)\b|\bpythonpath\b|\bnode_options\b|"
        r"\bjava_tool_options\b",
        zones=("arg", "header", "cookie"), sure=SURE,
    ),
]  # fmt: skip
