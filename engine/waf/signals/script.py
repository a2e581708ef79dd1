"""Cross-site scripting and injected markup. Sources: OWASP CRS 941, the PortSwigger and OWASP cheat sheets."""

from __future__ import annotations

from engine.waf.signals.contract import SURE, TEXTS, Signal

_XSS = "cross-site scripting"
_HARD = (
    "script|svg|iframe|object|embed|applet|marquee|isindex|math|frameset|frame|xss|bgsound|layer|ilayer|keygen|animate|animatetransform|animatemotion|"
    "set|image|base|meta|link|body|details|video|audio|source|form|textarea|noscript|template|xml|import|listing|noembed|plaintext|portal|custom|"
    "input|button|select|option|style|dialog|track|fieldset|foreignobject|use|discard|title|html|head|event-source|command|menu|summary|param|slot|x|j"
)

SIGNALS = [
    Signal("xss-script-tag", _XSS, "a <script> tag", r"<\s*/?\s*(?:[a-z]+:)?script\b|<scr", zones=TEXTS, sure=SURE),
    Signal(
        "xss-hard-tag", _XSS, "a tag that can run script",
        rf"<\s*/?\s*(?:{_HARD})(?:[\s/>'\"=`{{(;]|$)",
        zones=TEXTS,
    ),
    Signal("xss-any-tag", _XSS, "markup in a value", r"<\s*/?\s*[a-z!?][\w:-]{0,20}(?:[\s/>'\"`]|$)", zones=TEXTS),
    Signal(
        "xss-handler", _XSS, "an event handler attribute",
        r"[\s\"'/<>;`}\)]on[a-z]{3,30}\s*=|<[^>]*\bon[a-z]{3,30}\s*=|^\s*on(?:error|click|focus|blur|mouse\w+|"
        r"toggle|key\w+|submit)\s*=\s*[^\d\s]",
        zones=TEXTS,
    ),
    Signal(
        "xss-tag-handler", _XSS, "a tag with an event handler",
        r"<\s*[^\s<>]{1,40}[\s/+'\"][^<>]{0,400}?on[a-z]{3,30}\s*=",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "xss-script-url", _XSS, "a javascript: address",
        r"j\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t\s*:\s*(?:[^;\s\"'\\v#)]|v[^o]|;\s*\w)|\bvbscript\s*:|"
        r"livescript\s*:|data\s*:\s*(?:text/html|text/javascript|image/svg|application/x-javascript|,\s*alert|"
        r"[^,]{0,20}script)",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "xss-split-script-url", _XSS, "a javascript: address with signs hidden in it",
        r"j[^a-z]{0,8}a[^a-z]{0,8}v[^a-z]{0,8}a[^a-z]{0,8}s[^a-z]{0,8}c[^a-z]{0,8}r[^a-z]{0,8}i[^a-z]{0,8}p[^a-z]"
        r"{0,8}t[^a-z]{0,8}(?::|&col)\s*(?:[^;\s\"'\\v#)]|v[^o])",
        seen_in="plain", zones=TEXTS, sure=SURE,
    ),
    Signal(
        "xss-dialog", _XSS, "calls alert, confirm, prompt or eval",
        r"\b(?:alert|confirm|prompt)\s*(?:\?\.)?\s*(?:[`\[]|\(\s*(?:[^a-z\s]|$|document|window|self|top|this|string|"
        r"location|origin|xss|atob|eval|unescape|domain))|\(\s*['\"]?(?:alert|confirm|prompt|eval)['\"]?\s*\)|"
        r"\b(?:alert|confirm|prompt|eval|fetch|print)\.(?:call|apply|bind|valueof|source)|\[\s*['\"/]?(?:alert|"
        r"confirm|prompt|eval)|[=:,]\s*(?:alert|confirm|prompt|eval)\s*[;,)]|\beval\s*[(`]|\bprint\s*[(`]\s*[)`\d]",
        zones=TEXTS,
    ),
    Signal(
        "xss-dom", _XSS, "reaches for cookies, location or the document",
        r"document\s*(?:\?\.|\.|\[)\s*['\"]?(?:cookie|domain|location|write|body|documentelement|createelement|"
        r"getelement|url|referrer|default)|\b(?:window|self|top|parent|frames|globalthis|this)\s*\[\s*['\"/`\w]|"
        r"(?:window|self|top|parent)\.(?:location|name|open|eval|alert|onerror|document)|\blocation\s*(?:=|"
        r"\.(?:href|hash|assign|replace)\s*[=(])|\binnerhtml\b|\.constructor\s*[(\[.]|\bstring\.fromcharcode|"
        r"\bconstructor\.constructor|\bimport\s*\(|\b(?:settimeout|setinterval|function|atob|unescape|decodeuri\w*|"
        r"execscript)\s*[(`]|\b(?:setattribute|addeventlistener)\s*\(\s*['\"]|document\s*\.\s*cookie|\.\s*cookie\b|"
        r"document\[",
        zones=TEXTS,
    ),
    Signal(
        "xss-bracket-call", _XSS, "calls a function by a spelled-out name",
        r"\b(?:window|self|top|parent|frames|globalthis|this|document|"
        r"constructor)\s*(?:\?\.)?\[[^\]]{1,120}\]\s*(?:\?\.)?\s*[(`]|"
        r"\[\s*['\"`\[\\/][^\]]{1,80}\]\s*\(\s*['\"`\\\d\w]|\(\s*(?:document|window)\s*\)\s*\[",
        zones=TEXTS, sure=SURE,
    ),
    Signal(
        "xss-breakout", _XSS, "breaks out of an attribute or a tag",
        r"['\"`]\s*/?>\s*<|</\s*(?:script|textarea|title|style|noscript|xmp|iframe|noembed|template)\b|-->\s*<|"
        r"['\"]\s*(?:-|\+|;|\*|/|\^|,)\s*(?:alert|confirm|prompt|eval|\(|\[|window|self|top|document|import|"
        r"function)|^[^<]{0,40}['\"]\s*>\s*<",
        zones=TEXTS,
    ),
    Signal(
        "xss-style", _XSS, "script hidden in style or an import",
        r"expression\s*\(|-moz-binding|behaviou?r\s*:|@import|"
        r"style\s*=\s*['\"]?[^'\">]{0,80}(?:url\s*\(\s*['\"]?(?:javascript|data|//|http)|animation|expression|"
        r"position\s*:\s*fixed)|<\?import|<\?xml-stylesheet|x:script|xlink:href\s*=|srcdoc\s*=|formaction\s*=|"
        r"http-equiv|-o-link|allowscriptaccess",
        zones=TEXTS,
    ),
    Signal(
        "xss-src", _XSS, "a tag that loads something",
        r"<\s*[a-z][^<>]{0,80}\b(?:src|href|data|action|background|poster|code|codebase|lowsrc|dynsrc|to|values|"
        r"from|xlink:href)\s*=",
        zones=TEXTS,
    ),
    Signal(
        "xss-noise", _XSS, "JavaScript written to slip past filters",
        r"\[\]\[|\(\!\[\]|\+\[\]|\$\{\s*(?:alert|confirm|prompt)|\\u00\d\d|`\$\{|\b(?:throw|onerror)\s*[=;,]|"
        r"\bonerror\s*=|\(\)\s*=>|=>\s*[{(\w]|\bwith\s*\(|;\s*throw\b|\bsource\s*\.\s*\w|\bnew\s+function|"
        r"\breflect\.|\b(?:find|map|filter|some|every|foreach|sort)\s*\(\s*(?:alert|confirm|prompt|eval)|"
        r"\b(?:tostring|fromcharcode)\s*\(\s*\d|\[\s*['\"](?:al|co|pr|ev)['\"]\s*\+|\.\s*source\s*\+|\|>|"
        r"\bthrow\s+\w",
        zones=("arg", "path", "cookie", "header", "referer", "agent"),
    ),
    Signal(
        "xss-template-sink", _XSS, "a front-end template that runs script",
        r"\b(?:ng|v|x|hx|data-ng)-(?:app|init|click|focus|on|bind|if|for|html|include|csp|show|data)\b\s*=|"
        r"\{\{\s*(?:constructor|\$on|\$eval|tostring|\[\]|'a'|_c|a=|x=|\(_|toString)|_c\.constructor|\$eval|"
        r"\bsanitize\b.{0,20}\bconstructor|v-on:|:is=|@click",
        zones=TEXTS,
    ),
]  # fmt: skip
