#!/usr/bin/env bash
# What the tests need from Debian: real servers and clients that are not ours.
set -u
missing=()
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || missing+=(mosquitto)
command -v mosquitto_pub >/dev/null || missing+=(mosquitto-clients)
command -v chromium >/dev/null || missing+=(chromium)
command -v patch >/dev/null || missing+=(patch)
command -v sqlite3 >/dev/null || missing+=(sqlite3)
command -v openssl >/dev/null || missing+=(openssl)
command -v faketime >/dev/null || missing+=(faketime)
command -v strace >/dev/null || missing+=(strace)
command -v promtool >/dev/null || missing+=(prometheus)
command -v influxd >/dev/null || missing+=(influxdb)
command -v influx >/dev/null || missing+=(influxdb-client)
command -v dbus-daemon >/dev/null || missing+=(dbus-daemon)
command -v bluetoothctl >/dev/null || missing+=(bluez)
command -v busctl >/dev/null || missing+=(systemd)
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0
line="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" = 0 ] && [ -r /etc/debian_version ] && command -v apt-get >/dev/null; then
  echo "The tests need these Debian packages and install them now: ${missing[*]}"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive $line -qq >/dev/null && exit 0
  echo "Installing failed; the tests that need them will be skipped and counted."
else
  echo "Some tests need Debian packages and will be skipped and counted; to run them: $line"
fi
exit 0
