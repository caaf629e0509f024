#!/bin/sh
# Sets up what is missing, then runs: `npm run demo`, `npm test`, `npm run trust`. Every step is skipped when it is done already.
#
# - Packages from the lock file, when the lock file has changed since they were installed.
# - From Debian, as root: RabbitMQ (demo, test), Chromium, Prometheus and Redis (test). Elsewhere: a sentence that says what to install.
# - The current Prometheus, Alertmanager and VictoriaMetrics, into .cache (test); see scripts/peers.sh.
# - The UI, and what `assay serve` loads, when their sources have changed since they were built.
set -eu
cd "$(dirname "$0")/.."
what=$1
shift

stamp=node_modules/.assay-lock
say() { printf '%s\n' "$*" >&2; }

missing=
need() { # command, its Debian package
  for place in $(echo "$1" | tr '|' ' '); do
    { command -v "$place" >/dev/null 2>&1 || [ -x "$place" ]; } && return 0
  done
  missing="$missing $2"
}
need '/usr/lib/rabbitmq/bin/rabbitmq-server|rabbitmq-server' rabbitmq-server
if [ "$what" != demo ]; then
  need 'chromium|/usr/bin/chromium' chromium
  need prometheus prometheus
  need redis-server redis-server
fi

system_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "Please install:$missing (on Debian: sudo apt-get install$missing; on macOS: brew install rabbitmq), then run this again."
    return 1
  fi
  say "Installing from Debian:$missing"
  # A freshly installed service must not start by itself beside ours: Debian asks this file.
  policy=/usr/sbin/policy-rc.d
  made=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=yes
  fi
  status=0
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 || status=$?
  [ -z "$made" ] || rm -f $policy
  [ $status = 0 ] || { tail -5 "$log" >&2; say "apt-get could not install$missing; the lines above say why."; }
  return $status
}

# The downloads do not wait for each other.
mkdir -p .cache
peers=
if [ "$what" = test ]; then
  sh scripts/peers.sh &
  peers=$!
fi
log=.cache/apt.log
apt=
if [ -n "$missing" ]; then
  system_packages &
  apt=$!
fi

sum=$(cksum <package-lock.json)
if [ "$(cat $stamp 2>/dev/null || true)" != "$sum" ]; then
  say 'Installing packages from the lock file'
  npm ci --no-audit --no-fund --loglevel=error
  printf '%s' "$sum" >$stamp
fi
[ -z "$apt" ] || wait $apt || exit 1
[ -z "$peers" ] || wait $peers || exit 1

node=node_modules/.bin/node
if [ ! -x $node ]; then
  node=$(command -v node)
  "$node" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' || {
    say "No pinned Node for this machine, and $("$node" -v) is too old: install Node 26."
    exit 1
  }
fi
export NODE_COMPILE_CACHE="$PWD/.cache/node"
run="$node --conditions=assay-src --disable-warning=ExperimentalWarning"
$run scripts/build-web.ts
$run scripts/build-server.ts

case $what in
  demo) exec $run example/main.ts "$@" ;;
  test) exec $run scripts/test.ts "$@" ;;
  trust) ASSAY_KILLS=${ASSAY_KILLS:-50} exec $run --test test/e2e/kill.e2e.test.ts ;;
  *) say "scripts/run.sh: $what is neither demo, test nor trust"; exit 2 ;;
esac
