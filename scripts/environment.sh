#!/bin/sh
# Makes .venv, the project's Python environment, exactly as requirements.lock says; does nothing when it is up to date.
# Needs a Python >= 3.11 (the first fit of a list, or $PYTHON). Installs with uv where it can be had, else with pip.
set -eu
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/.complete  # written last: an environment without it is half made

fail() {
    echo "$*" >&2
    exit 1
}

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    recent=
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        is_recent "$candidate" || continue
        if can_make_environments "$candidate"; then
            echo "$candidate"
            return
        fi
        recent=${recent:-$candidate}
    done
    if [ -n "$recent" ]; then
        fail "$recent cannot make virtual environments: install its venv module (on Debian and Ubuntu:" \
            "apt-get install python3-venv, or $(basename "$recent")-venv), and run this again."
    fi
    if [ -n "${PYTHON:-}" ]; then
        fail "PYTHON is set to $PYTHON, which is no Python 3.11 or newer: name another one, or unset it."
    fi
    fail "No Python 3.11 or newer was found: install one (on Debian and Ubuntu: apt-get install python3 python3-venv)," \
        "or name it with PYTHON=/path/to/python, and run this again."
}

# What the environment depends on; a moved checkout counts, since scripts name their interpreter by its full path.
fingerprint() {
    pwd
    "$1" -c 'import hashlib, pathlib
for name in ("requirements.lock", "pyproject.toml", "scripts/environment.sh"):
    print(hashlib.sha256(pathlib.Path(name).read_bytes()).hexdigest())'
}

is_up_to_date() {
    [ -f "$stamp" ] && [ -x $venv/bin/python ] && wanted=$(fingerprint $venv/bin/python 2>/dev/null) &&
        [ "$wanted" = "$(cat "$stamp")" ]
}

# uv's own part of the lock, so that even the first tool is the one that was checked.
install_uv() {
    awk '/^[^ #]/ { wanted = /^uv==/ } wanted' requirements.lock >$venv/uv.lock
    $venv/bin/python -m pip install --quiet --require-hashes --no-deps --requirement $venv/uv.lock
}

install_with_uv() {
    VIRTUAL_ENV="$PWD/$venv" $venv/bin/uv pip install --quiet --require-hashes --requirement requirements.lock &&
        VIRTUAL_ENV="$PWD/$venv" $venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
}

install_with_pip() {
    $venv/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock &&
        $venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
}

make_environment() {
    python=$(find_python)
    echo "Making the Python environment in $venv (once, and again when the requirements change) ..."
    rm -rf $venv
    "$python" -m venv $venv || fail "The Python environment could not be made: see above, put it right, and run this again."
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
    if ! { install_uv && install_with_uv; }; then
        echo "uv could not be used here; pip does the same more slowly ..."
        install_with_pip || fail "The packages could not be installed: see above (often no network, or a proxy that pip" \
            "does not know: set HTTPS_PROXY or pip's own configuration), and run this again."
    fi
    fingerprint $venv/bin/python >$venv/.fingerprint
    mv $venv/.fingerprint "$stamp"
}

# Two at once (make up and make test in two terminals) take turns; the lock file is the lock of the requirements.
if command -v flock >/dev/null 2>&1; then
    exec 9<requirements.lock
    flock 9
fi
is_up_to_date || make_environment
