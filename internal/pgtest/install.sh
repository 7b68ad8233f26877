#!/bin/sh
# Installs what the tests need beside Go: the server programs of Postgres, from Debian's packages. Nothing is
# started or left running: the tests start a private server of their own.
set -eu
have() { command -v postgres >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
have && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
	echo "installing Postgres' server programs for the tests" >&2
	export DEBIAN_FRONTEND=noninteractive
	# No cluster of the system's own is made, so none starts.
	mkdir -p /etc/postgresql-common
	[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
	{ apt-get -q -o DPkg::Lock::Timeout=300 update && apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends postgresql; } >&2
	have && exit 0
fi
echo "the tests need Postgres' server programs: install the package postgresql (Debian: apt-get install postgresql), or set TEST_POSTGRES_URL" >&2
exit 1
