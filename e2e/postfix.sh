#!/bin/sh
# kalends demo with a real mail server in the middle: a Postfix of its own, on loopback ports, gets our mail, delivers mail to our reply
# addresses to our LMTP listener, and everything else to the demo's world outside. Needs root, as Postfix does, and Debian's
# package postfix; without them it says so and ends with status 77.
#
#   e2e/postfix.sh [PATH OF kalends]
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ] || ! command -v postfix >/dev/null; then
	echo "skipped: needs root and Postfix (apt-get install postfix)"
	exit 77
fi
smtp=${SMTP_PORT:-10025} lmtp=${LMTP_PORT:-10024} outside=${OUTSIDE_PORT:-10026}
dir=$(mktemp -d /tmp/kalends-postfix-XXXXXX)
kalends=${1:-}
if [ -z "$kalends" ]; then
	kalends=$dir/kalends
	go build -o "$kalends" .
fi
chmod 755 "$dir"
mkdir "$dir/etc" "$dir/spool" "$dir/lib"
chown postfix "$dir/lib"
cat >"$dir/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/lib
maillog_file = $dir/mail.log
maillog_file_prefixes = $dir
multi_instance_enable = no
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.demo.example
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
alias_maps =
alias_database =
local_recipient_maps =
transport_maps = regexp:$dir/etc/transport
relayhost = [127.0.0.1]:$outside
smtp_tls_security_level = none
disable_dns_lookups = yes
smtputf8_enable = no
END
echo "/^reply\\+[a-z0-9]+@demo\\.example\$/ lmtp:inet:127.0.0.1:$lmtp" >"$dir/etc/transport"
# Nothing is chrooted, so that the queue needs no copy of /etc.
cat >"$dir/etc/master.cf" <<END
127.0.0.1:$smtp inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
local     unix - n n - - local
virtual   unix - n n - - virtual
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
END
stop() {
	postfix -c "$dir/etc" stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT INT TERM
postfix -c "$dir/etc" start
status=0
timeout 120 "$kalends" demo --through "127.0.0.1:$smtp" --lmtp "127.0.0.1:$lmtp" --outside "127.0.0.1:$outside" || status=$?
if [ $status != 0 ]; then
	cat "$dir/mail.log" >&2
else
	grep -c 'status=sent' "$dir/mail.log" | sed 's/$/ deliveries by Postfix/'
fi
exit $status
