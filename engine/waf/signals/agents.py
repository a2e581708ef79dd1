"""User agents that attack tools announce, and the marks of a client that is no browser.

Sources: OWASP CRS scanners-user-agents.data, the tools' own defaults, crawler-user-agents (for what is honest).
"""

from __future__ import annotations

from engine.waf.signals.contract import SURE, Signal

_AGENT = "scanner"

SCANNERS = (
    r"nikto|sqlmap|\bnmap\b|masscan|zgrab|nuclei|wpscan|acunetix|netsparker|invicti|nessus|openvas|\barachni|w3af|"
    r"dirbuster|gobuster|\bdirb\b|\bffuf\b|fuzz faster|feroxbuster|wfuzz|havij|skipfish|whatweb|\bzmeu|morfeus|"
    r"jorgee|burp ?suite|burpcollab|zaproxy|owasp zap|\bvega/\d|grendel-scan|\bparos\b|webinspect|appscan|qualys|"
    r"metasploit|\bhydra\b|\bmedusa\b|\bbrutus\b|\bcommix|xsser|\bfimap|jaeles|dalfox|\bcensys|expanse(?:inc)?\b|"
    r"palo ?alto|leakix|l9explore|l9tcpid|projectdiscovery|cms-?checker|wpscan|joomscan|droopescan|blackwidow|"
    r"webshag|wapiti|uniscan|golismero|sitelockspider|n-stealth|cgichk|pmafind|webtrends security|sf scan|absinthe|"
    r"bsqlbf|mysqloit|sqlninja|sqlbrute|\bpangolin\b|whisker|nessus|internet ninja|core-project|toata dragostea|"
    r"prog\.customcrawler|datacha0s|dfind|floodgate|gootkit|hello,? world|libredtail|mozlila|muhstik|mirai|hajime|"
    r"\bkatana\b|\bhttpx - open|httpx/|interactsh|odin\b|zoomeye|shodan|binaryedge|internet-?measurement|"
    r"netsystemsresearch|nimbostratus|stretchoid|webdav-?scan|wprecon|xray\b|xpoc|goby\b|fscan|detectify|probely|"
    r"intruder\.io|tenable|rapid7|cyberscan|security ?scan|vulnerab|exploit|\bpentest|\bhacker|sqli\b|mercuryboard|"
    r"_user_agent_sql_injection|system\(|\bnasl\b|80legs|webripper|website-mirrorer|grabber\b|indy library|"
    r"chinaclaw|emailsiphon|emailwolf|emailcollector|extractorpro|harvest|httrack|webcopier|webzip|teleport|"
    r"sitesnagger|offline explorer|leechftp|autoemailspider|attackbot|badbot|nosql|\bfuzz|dirsearch|cgi-scan|"
    r"tsunami|pycurl/.*scan|go-dork|urlscan-attack|alittle client|keydrop|l\.9|netcraft"
)

SIGNALS = [
    Signal(
        "agent-scanner", _AGENT, "a scanner's user agent",
        rf"(?:{SCANNERS})",
        seen_in="plain", zones=("agent",), sure=SURE,
    ),
    Signal(
        "agent-code", _AGENT, "code instead of a user agent",
        r"<\?php|<script|\$\{|\(\)\s*\{|'\s*(?:or|and|union)\s|\bselect\b.{1,40}\bfrom\b|;\s*(?:wget|curl|cat)\b|"
        r"\.\./|print\s*\(?md5|\beval\(|base64_decode|\bsleep\(|/etc/passwd|'\s*;?\s*--|'$",
        zones=("agent",), sure=SURE,
    ),
]  # fmt: skip
