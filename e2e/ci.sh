#!/bin/sh
# What CI runs beside make check: mail through a real Postfix, and our mails read by other programs. What it needs is installed from
# Debian's packages where that is allowed (root, apt-get); what cannot run is skipped, and said so with the reason. What runs must pass.
set -u
cd "$(dirname "$0")/.."

# need PACKAGE PROGRAM-TO-TEST-FOR… installs a package unless the test succeeds.
need() {
	package=$1
	shift
	"$@" >/dev/null 2>&1 && return 0
	if [ "$(id -u)" != 0 ]; then
		why="$package is not installed, and only root may"
		return 1
	fi
	if ! command -v apt-get >/dev/null 2>&1; then
		why="$package is not installed, and there is no apt-get"
		return 1
	fi
	echo "e2e: installing $package" >&2
	export DEBIAN_FRONTEND=noninteractive
	# No mail server of the system's own is set up, so none starts.
	echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections 2>/dev/null
	{
		timeout 180 apt-get -qy -o DPkg::Lock::Timeout=60 install --no-install-recommends "$package" ||
			{ timeout 60 apt-get -q -o DPkg::Lock::Timeout=60 update && timeout 180 apt-get -qy -o DPkg::Lock::Timeout=60 install --no-install-recommends "$package"; }
	} >&2 </dev/null
	"$@" >/dev/null 2>&1 && return 0
	why="$package cannot be installed here"
	return 1
}

status=0
# run NAME COMMAND… runs one of them; 77 means that it skipped itself.
run() {
	name=$1
	shift
	"$@"
	case $? in
	0) echo "e2e: $name: passed" ;;
	77) echo "e2e: $name: SKIPPED, as it says above" ;;
	*)
		echo "e2e: $name: FAILED" >&2
		status=1
		;;
	esac
}

if need python3 test -x /usr/bin/python3; then
	need python3-icalendar /usr/bin/python3 -c 'import icalendar' || echo "e2e: mails: without icalendar: $why"
	run mails e2e/mails.py
else
	echo "e2e: mails: SKIPPED: $why"
fi
# Tests in a real browser skip themselves in make check where there is none.
if command -v chromium >/dev/null 2>&1; then
	echo "e2e: browser: its tests were part of make check"
elif need chromium command -v chromium; then
	run browser go test -count 1 -timeout 10m -run TestBrowser .
else
	echo "e2e: browser: SKIPPED: $why"
fi
if need postfix command -v postfix; then
	run postfix e2e/postfix.sh
else
	echo "e2e: postfix: SKIPPED: $why"
fi
exit $status
