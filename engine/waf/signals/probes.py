"""Paths that only scanners ask for: published holes, admin panels, web shells, set-up pages left behind.

Sources: public advisories (the CVE is in the words), the CrowdSec hub's scenario names, Nuclei's most used templates,
paths seen in the public scanner logs. Host names and a site's own prefix never matter: patterns look at path ends.
"""

from __future__ import annotations

from engine.waf.signals.contract import SURE, UNSEEN, Signal

_CVE = "exploit of a published hole"
_SHELL = "web shell"
_ADMIN = "admin panel"
_INFO = "technology probing"
_PATH = ("path",)
_BOTH = ("path", "arg")

SIGNALS = [
    Signal(
        "cve-php", _CVE, "a published PHP hole (PHPUnit, ThinkPHP, Laravel, php-cgi, ...)",
        r"phpunit.*/eval-stdin\.php|/eval-stdin\.php|htmlawedtest\.php|/_ignition/execute-solution|think(?:\\|"
        r"/)?app|invokefunction|/getphpinfo\.php|xdebug_session_start|%ad|php-cgi(?:\.exe)?|/remote_agent\.php|"
        r"/moadmin\.php|/vendor/(?:phpunit|htmlawed|laravel-filemanager|elfinder)|allow_url_include|s=/index/|"
        r"/index/\W?think|/cgi-bin/php\d?|/ajax/render/widget_php|/solr/.*(?:velocity|dataimport|config)|/phppath/|"
        r"connector\.minimal\.php|/fckeditor/.*(?:connector|upload)|/uploadify\.php|/kcfinder/|/timthumb\.php|"
        r"/xmlrpc\.php\?rsd",
        zones=_BOTH, sure=SURE,
    ),
    Signal(
        "cve-java", _CVE, "a published Java hole (Confluence, Spring, Struts, WebLogic, vCenter, Jira, ...)",
        r"/setup/setupadministrator\.action|/server-info\.action|/json/setup-restore|setup-restore(?:-local|"
        r"-progress)?\.action|/pages/doenterpagevariables|/template/aui/text-inline|/spaces/viewdefaultdecorator|"
        r"class\.module\.classloader|/functionrouter|/actuator/(?:env|gateway|heapdump|jolokia|restart|refresh|"
        r"logfile|trace|mappings|beans|configprops|threaddump)|/jolokia|/wls-wsat/|/_async/|/console/(?:css|"
        r"images)/.*console\.portal|/consolejndi|/ui/vcav-bootstrap|/ui/h5-vsan|/analytics/(?:telemetry|ceip)|"
        r"/uploadova|/rest/tinymce/|/s/[^/]*/_/.*(?:web|meta)-inf|/catalog-portal/ui/oauth|/securityrealm/|"
        r"/descriptorbyname/|/script(?:text)?/?$|/invoker/(?:jmx|ejb|readonly)|/jmx-console|/web-console/|"
        r"/manager/(?:html|text|status)|/host-manager|/struts2?-|\.action\?.*(?:redirect|method):|"
        r"redirect(?:action)?:|/druid/indexer|/nacos/v1/|/seeyon/|/weaver/|/yyoa/|/webtools/control/|/goanywhere/|"
        r"/oa_html/|/tmui/|/mgmt/tm/|/mgmt/shared/|/axis2|/geoserver/(?:wfs|ows|web)|/unomi|/gremlin|/api/jsonws|"
        r"/remote/login|/rest/sharelinks|/report.*rptdesign|/metadatauploader|/irj/|/xmlpserver|/struts2-showcase|"
        r"/solr/admin|/kylin/|/dubbo|/api/v1/(?:validate/code|config/application|refresh)|/api/index\.php/v1/",
        zones=_BOTH, sure=SURE, soft=True,
    ),
    Signal(
        "cve-appliance", _CVE, "a published hole in a VPN, firewall, mail server or router",
        r"/remote/fgt_lang|sslvpn_websession|/api/v2/cmdb/system|/dana-na/|/dana/html5acc|/php/utils/|/unauth/|"
        r"/global-protect/|/sslmgr|ztp_gate\.php|/vpn/\.\./|/vpns/|/gwtest/|/nitro/v1/|/pcidss/|/menu/ss|"
        r"/oauth/idp/|/autodiscover/autodiscover\.json|/ecp/|/powershell/?\?|/owa/auth/|/ews/exchange|/mapi/nspi|"
        r"/service/extension/|/zimbraadmin/|mboximport|/service/(?:proxy|upload)|/hnap1|/boaform|/goform/|"
        r"/setup\.cgi|/cgi/networkdiag|/cgi-bin/(?:login|luci|viewer|nas_sharing|webconfig|up\.cgi|mainfunction|"
        r"jarrewrite|authlogin|kerbynet|supervisor|configexp|cstecgi|weblogin|config\.exp|\.%|popen|hi3510|nobody)|"
        r"/cgi-mod/|/board\.cgi|/diagnostic\.php|/apply\.cgi|/tmunblock|/shell\?|/device\.rsp|/cgi-bin/;|/jaws\?|"
        r"/picsdesc\.xml|/wanipcn|/ctrlt/|/gponform|/login\.cgi|/web_shell_cmd|/mifs/|/sslvpn/|/\+cscoe\+|"
        r"/\+cscot\+|/logon/logonpoint|/wsman|/webinterface/function|/human\.aspx|/guestaccess\.aspx|/moveitisapi|"
        r"/clients/myaccount|/setupwizard\.aspx|/telerik\.web\.ui\.webresource\.axd|/hp/device|/nmc/|/cobbler|"
        r"/helpdesk/webobjects|/badging/|/badge_|/eonapi|/casa/|/saas/|/zxtm/|/cmd,/|/simzysh|/interview\?|"
        r"/developmentserver|/trufusion|/wsstatusevents|/documentum/|/run/?$|/card_scan\.php|/access/set|/sitecore|"
        r"/-/xaml|/fort/|/admin/config\.php",
        zones=_PATH, sure=SURE, soft=True,
    ),
    Signal(
        "cve-wordpress", _CVE, "a hole of a WordPress or CMS plug-in",
        r"/wp-content/plugins/[\w-]+/.*\.(?:php|txt|sql)|/wp-content/uploads/(?:\d{4}/)?(?:\d{2}/)?$|"
        r"/wp-content/(?:debug\.log|backup|mysql\.sql|themes/[\w-]+/\w+\.php)|/wp-json/wp/v2/users|\?author=\d|"
        r"[?&=]author=\d|rest_route=/(?:wp/v2/users|my-calendar|pmpro)|/wp-config|/wp-admin/(?:setup-config|"
        r"install|includes|css/|images/|js/)\w*(?:\.php)?|/wlwmanifest\.xml|/administrator/(?:index|components)|"
        r"/components/com_|option=com_\w+.*(?:sql|\.\./|select)|/user/register\?element|/\?q=node&|name\[0|/typo3|"
        r"/umbraco|/magento|/downloader/|/media/\w+\.php|/skin/\w+\.php|/app/etc/local\.xml|/rest/v1/guest-carts|"
        r"/guest-carts/[\w-]+/(?:payment|order|estimate)",
        zones=_BOTH, sure=SURE, soft=True,
    ),
    Signal(
        "cve-header", _CVE, "a header that only an exploit sends",
        r"^x-middleware-subrequest\s*:|^x-wcpay-platform|^x-f5-auth-token\s*:|^proxy\s*:\s*http|"
        r"^x-original-url\s*:|^x-rewrite-url\s*:|^content-type\s*:.{0,40}(?:%\{|\$\{|#cmd|ognl)",
        zones=("header",), sure=SURE,
    ),
    Signal(
        "odd-version", "flood or scanner", "an HTTP version that does not exist", r"\shttp/\d[\d.]*$",
        seen_in="raw", zones=_PATH, sure=UNSEEN,
    ),
    Signal(
        "cve-rewrite", _CVE, "an encoded question mark slips past rewriting (CVE-2024-38475)",
        r"%3f[\w.-]*\.(?:css|js|png|jpg|html?)$",
        seen_in="raw", zones=_PATH, sure=UNSEEN,
    ),
    Signal(
        "ghost-worm", _CVE, "an old worm or a scanner's test path",
        r"w00tw00t|/core/skin/login\.aspx|/muieblackcat|"
        r"/hndunblock|/default\.ida|/root\.exe|/cmd\.exe|/scripts/\.\.|/msadc|/_vti_bin|/iissamples|/_mem_bin|"
        r"/crowdsec-test-[a-z0-9]{8,}|/nice%20ports|/trinity\.txt|/nmaplowercheck|/evox/|/sdk$|/t4$|"
        r"/robots\.txt\.bak|/http[s]?:/|^https?://|^[\w.-]+:\d+$|azenv\.php|proxyjudge|/judge\d*\.php|/ip4\.php|"
        r"/testproxy|/prx\d?\.php|/aaaa{20,}",
        zones=_PATH, sure=SURE,
    ),
    Signal(
        "web-shell", _SHELL, "a known web shell's name",
        r"/(?:c99|r57|wso\d*|b374k|c100|locus7s|shell\d{0,4}|cmd|cmdshell|alfa\w{0,12}|alfacgiapi|webshell|"
        r"backdoor|hack\w{0,8}|simple-backdoor|php-backdoor|kacak|marijuana|indoxploit|mini|minishell|gel4y|"
        r"leaf(?:mailer)?|xleet\w*|0byte\w*|anonsec|symlink|priv8|wp-shell|bypass\w{0,6}|antichat|nstview|phpspy|"
        r"dhanush|ak47shell|uploader?|up|fm|filemanager|tinyfilemanager|ws|wp2|wp-22|about|style|chosen|fw|radio|"
        r"doc|lock360|wsoyanz\w*|moon|ioxi\w*|fox|xmrlpc|classwithtostring|adminfuns|ccx|gecko|rxr_\w+|zeura|"
        r"\w*[_-]shell\w*|\w*shell[_-]?\w{0,10}|x?shell|function|atomlib|goods|100|404|1337|jga|mah|sx|ee|bb|wi|kn|"
        r"xl\d{4}|wp_wrong_datlib|wp-conflg|wp-signin|wp-blog|wp-the|wp-good|wp-p2r3q9c8k4|inputs|makeasmtp|item|"
        r"abcd|byp|buy|cong|as|dropdown|file|file\d|ini|k|lufix\d?|mar|new|plugins|Text|txets|ok|php8|sallu|themes|"
        r"ty|autoload_classmap|options-reading|bak|gank)\.(?:php\d?|phtml|phar|aspx?|ashx|jspx?|cgi|pl|cfm)(?:/|\d|"
        r"$)|/\.well-known/(?:acme-challenge/|pki-validation/)?[\w-]+\.php",
        zones=_PATH, soft=True,
    ),
    Signal(
        "admin-panel", _ADMIN, "an admin panel or set-up page",
        r"/(?:web-?admin|sysadmin|admin-?panel|admin_area|control-?panel|sql-?manager|mysql-?manager|phpmyadmin|"
        r"pma|myadmin|mysqladmin|phppgadmin|adminer(?:[-\d.]*\.php)?|sqlweb|dbadmin|db-admin|webdb|mysql|"
        r"admin(?:istrator)?(?:[-_]?console|[-_]?panel)?|cpanel|whm|plesk|webmail|directadmin|vicidial|cms|manager|"
        r"console|portainer|grafana|kibana|jenkins|rabbitmq|solr|phpinfo|server-status|server-info|status|"
        r"nginx_status|telescope|horizon|_profiler|debug|setup|install(?:er)?|wizard)(?:/(?:index|login|config|"
        r"setup)?(?:\.\w+)?|\.(?:php|aspx?|jsp|cgi)|/?$)|/(?:adminer|pma|phpmyadmin)[-_\d.]*[\w.-]*(?:/|$)|"
        r"/app_dev\.php|/_profiler|/(?:phpinfo|php_info|info|pinfo|test|infophp|php|i)\.php\d?$",
        zones=_PATH, soft=True,
    ),
    Signal(
        "info-probe", _INFO, "asks which software runs here",
        r"/sap/(?:public|admin|bc|hana|opu|es|bw)|/irj/|/nwa\b|/(?:staging|backups?|old|dev|beta|private|hidden|"
        r"secret|cgi-bin|dump|_?test)/?$|/(?:\.well-known/security\.txt\.bak|version(?:\.txt|\.json)?|"
        r"readme\.(?:html|txt|md)|license\.txt|changelog\.(?:txt|md)|api/(?:version|v\d/version|sonicos)|"
        r"telescope/requests|config\.(?:json|js|ya?ml|php|xml)|env\.(?:js|json)|settings\.json|composer\.json|"
        r"v2/_catalog|_cat/indices|_all_dbs|_nodes|containers/json|api/v1/pods|metrics|ecp/current/exporttool|"
        r"owa/?|sap/?|geoserver|actuator/?(?:health)?|login\.action|users/sign_in|\.git|graphql|"
        r"swagger(?:-ui)?(?:\.html|\.json|/)|openapi\.json|api-docs|v\d/api-docs|debug/default/view|druid/|jenkins|"
        r"ws_ftp\.ini|crossdomain\.xml|clientaccesspolicy\.xml|elmah\.axd|trace\.axd|s3cmd\.ini|id_rsa)$",
        zones=_PATH, soft=True,
    ),
]  # fmt: skip
