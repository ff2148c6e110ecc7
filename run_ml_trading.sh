#!/usr/bin/env bash
# Runs Undertow. The first run sets up .venv beside this file; every later run starts at once. -h lists the flags.
set -euo pipefail

here="${BASH_SOURCE[0]}"
while [ -L "$here" ]; do # called through a link: find the folder that the file itself is in
    target="$(readlink -- "$here")"
    case "$target" in /*) here="$target" ;; *) here="$(dirname -- "$here")/$target" ;; esac
done
case "$here" in */*) here="${here%/*}" ;; *) here="." ;; esac

. "$here/scripts/setup_env.sh"
undertow_setup runtime
exec "$UNDERTOW_VENV/bin/python" "$UNDERTOW_ROOT/run_ml_trading_models.py" "$@"
