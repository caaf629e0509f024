#!/bin/sh
# Fetches the current peers that tests hold assay against: Prometheus 3, promtool, Alertmanager, VictoriaMetrics.
#
# - The stable Debian has old ones. Those of sid are downloaded, verified by apt and unpacked into .cache/peers, never installed:
#   they are static but for libc. No root needed; the apt of the machine stays as it is.
# - Done once: `.cache/peers/VERSIONS` tells that everything is there. Delete the folder for newer ones.
# - A machine that cannot (no apt, no network) is no failure here: `.cache/peers.reason` says why, and the tests skip with it.
set -eu
cd "$(dirname "$0")/.."
packages='prometheus promtool prometheus-alertmanager victoria-metrics'
programs='prometheus promtool prometheus-alertmanager amtool victoria-metrics vmagent vmalert'
home=$PWD/.cache/peers
reason=$PWD/.cache/peers.reason
work=$PWD/.cache/peers.work

mkdir -p .cache
# Two test runs at once: the second waits for the first, and then finds the work done.
if command -v flock >/dev/null 2>&1; then
  exec 9>.cache/peers.lock
  flock 9
fi
[ ! -e "$home/VERSIONS" ] || exit 0

fail() {
  printf '%s\n' "$1" >"$reason"
  printf 'Tests against the real Prometheus will be skipped: %s\n' "$1" >&2
  rm -rf "$work"
  exit 0
}

command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
  fail 'this system has no apt-get; put Prometheus 3.5 or newer, promtool, vmagent and vmalert into a folder and name it in ASSAY_PEERS'

printf 'Fetching Prometheus 3, Alertmanager and VictoriaMetrics from Debian sid (about 95 MB)\n' >&2
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/root"
: >"$work/status"
# The mirror that this machine uses already, else Debian's own.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m 1 '/debian/*$' || true)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ ! -r $keys ] || signed="[signed-by=$keys] "
printf 'deb %s%s sid main\n' "${signed:-}" "${mirror:-http://deb.debian.org/debian}" >"$work/sources.list"
cat >"$work/apt.conf" <<END
Dir::State "$work";
Dir::State::status "$work/status";
Dir::Cache "$work";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
APT::Sandbox::User "";
END
export APT_CONFIG="$work/apt.conf"
log=.cache/peers.log
apt-get update -qq >"$log" 2>&1 || fail "apt-get update for Debian sid failed: $(tail -1 "$log")"
(cd "$work/archives" && apt-get download -qq $packages) >>"$log" 2>&1 ||
  fail "apt-get download of $packages from Debian sid failed: $(tail -1 "$log")"

for package in "$work"/archives/*.deb; do
  dpkg-deb --extract "$package" "$work/root" >>"$log" 2>&1 || fail "$(basename "$package") could not be unpacked: $(tail -1 "$log")"
done
mkdir "$work/peers"
for program in $programs; do
  [ -x "$work/root/usr/bin/$program" ] || fail "the packages of Debian sid hold no $program any more"
  mv "$work/root/usr/bin/$program" "$work/peers/"
done
"$work/peers/prometheus" --version >>"$log" 2>&1 || fail "prometheus of Debian sid does not run here: $(tail -1 "$log")"
for package in "$work"/archives/*.deb; do
  basename "$package" .deb
done >"$work/peers/VERSIONS"
# Whole or not at all: an interrupted run leaves nothing that looks finished.
rm -rf "$home"
mv "$work/peers" "$home"
rm -rf "$work" "$reason"
