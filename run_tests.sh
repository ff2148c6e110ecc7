#!/usr/bin/env bash
# Runs the tests, two at a time; every argument goes to pytest: ./run_tests.sh tests/laws -k causality
set -euo pipefail

here="${BASH_SOURCE[0]}"
case "$here" in */*) here="${here%/*}" ;; *) here="." ;; esac

. "$here/scripts/setup_env.sh"
undertow_setup dev
cd -- "$UNDERTOW_ROOT"
exec "$UNDERTOW_VENV/bin/python" -m pytest -q -n 2 --no-loadscope-reorder "$@"
