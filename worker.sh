#!/bin/sh
# Starts one role of Turnup in the foreground: ./worker.sh ROLE. Everything is configured by the environment (see the README).
#
#   worker [QUEUES]  a Celery worker of one child; QUEUES by commas, default: all of them. Start several rather than larger ones.
#   beat             what recurs; its process also looks for lost work and publishes events
#   relay            only the latter two, as a process of its own
#   flower           Flower on 127.0.0.1:$FLOWER_PORT/flower, behind $FLOWER_USER and $FLOWER_PASSWORD
#   endpoints        the tenants' addresses on $ENDPOINTS_HOST:$ENDPOINTS_PORT
#   api              the HTTP API on $API_HOST:$API_PORT
set -eu
cd "$(dirname "$0")"

fail() {
    echo "$*" >&2
    exit 2
}

# The project's own environment when there is one, else whatever Python is first.
if [ -n "${PYTHON:-}" ]; then
    python=$PYTHON
elif [ -x .venv/bin/python ]; then
    python=.venv/bin/python
else
    python=python3
fi
command -v "$python" >/dev/null 2>&1 || fail "No Python was found: run 'make environment', or set PYTHON."

role=${1:-}
case $role in
worker)
    queues=${2:-$("$python" -m app.cli queues)}
    exec "$python" -m celery -A tasks.worker worker --concurrency=1 --queues="$queues" \
        --hostname="worker-$$@%h" --without-gossip --without-mingle
    ;;
beat)
    exec "$python" -m celery -A tasks.worker beat --pidfile=
    ;;
relay)
    exec "$python" -m tasks.loops
    ;;
flower)
    [ -n "${FLOWER_PASSWORD:-}" ] || fail "FLOWER_PASSWORD has to be set: who reaches Flower can start tasks."
    # in the environment rather than on the command line, which every user of the machine may read
    export FLOWER_BASIC_AUTH="${FLOWER_USER:-operator}:$FLOWER_PASSWORD"
    var=${TURNUP_VAR:-var}
    mkdir -p "$var"
    exec "$python" -m celery -A tasks.worker flower --address="${FLOWER_ADDRESS:-127.0.0.1}" \
        --port="${FLOWER_PORT:-5555}" --url_prefix=flower --persistent=True --db="$var/flower.db" \
        --state_save_interval=60000
    ;;
endpoints)
    exec "$python" -m app.adapters.provisioners.endpoints
    ;;
api)
    exec "$python" -m gunicorn --no-control-socket -c app/gunicorn.conf.py app.wsgi:app
    ;;
*)
    fail "Usage: $0 worker [QUEUES] | beat | relay | flower | endpoints | api"
    ;;
esac
