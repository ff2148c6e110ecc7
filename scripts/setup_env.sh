#!/usr/bin/env bash
# Makes or repairs .venv from the lock files. Sourced by the run scripts; can be run itself: scripts/setup_env.sh [runtime|dev]
#
# A stamp in .venv says that a set-up finished, and for which locks, Python and folder. With a matching stamp nothing is
# started but one hash. The stamp is removed before anything is changed and written after everything has succeeded, so an
# interrupted set-up is always seen and repaired by the next run.
set -euo pipefail

_setup_path="${BASH_SOURCE[0]}"
case "$_setup_path" in */*) ;; *) _setup_path="./$_setup_path" ;; esac
UNDERTOW_ROOT="$(cd -- "${_setup_path%/*}/.." && pwd -P)"
UNDERTOW_VENV="$UNDERTOW_ROOT/.venv"
UNDERTOW_SETUP_LOG="$UNDERTOW_ROOT/.venv-setup.log"

_say() { printf '%s\n' "$*" >&2; }
_fail() { _end_line; _say "$*"; exit 1; }

# --- what a finished set-up looks like -------------------------------------------------------------------------------

_hash() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum
    elif command -v shasum >/dev/null 2>&1; then shasum -a 256
    else cksum
    fi
}

_locks() { # kind -> the files that decide what is installed
    printf '%s\n' "$UNDERTOW_ROOT/pyproject.toml" "$UNDERTOW_ROOT/requirements.lock"
    if [ "$1" = dev ]; then printf '%s\n' "$UNDERTOW_ROOT/requirements-dev.lock"; fi
}

_wanted() { # kind -> the stamp that a finished set-up of this kind carries
    local key="" value="" version=""
    while IFS=' =' read -r key value; do
        if [ "$key" = version ]; then version="$value"; fi
    done <"$UNDERTOW_VENV/pyvenv.cfg"
    local digest
    digest="$(_locks "$1" | { while IFS= read -r file; do cat -- "$file"; done; printf '%s\n%s\n' "$version" "$UNDERTOW_ROOT"; } | _hash)"
    printf '%s' "${digest%% *}"
}

_finished() { # kind -> true if .venv is whole and made for these locks
    local stamp="$UNDERTOW_VENV/.undertow-$1" found=""
    [ -x "$UNDERTOW_VENV/bin/python" ] && [ -r "$UNDERTOW_VENV/pyvenv.cfg" ] && [ -r "$stamp" ] || return 1
    IFS= read -r found <"$stamp" || true
    [ -n "$found" ] && [ "$found" = "$(_wanted "$1")" ]
}

# --- a Python to build it with ---------------------------------------------------------------------------------------

_version_of() { "$1" -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

_find_python() { # sets FOUND_PYTHON and FOUND_VERSION, or fails with one sentence
    local candidate version too_old="" no_venv=""
    set -- python3.11 python3.12 python3.13 python3
    if [ -n "${UNDERTOW_PYTHON:-}" ]; then set -- "$UNDERTOW_PYTHON"; fi # asked for by name: never swapped for another
    for candidate in "$@"; do
        command -v -- "$candidate" >/dev/null 2>&1 || continue
        if ! version="$(_version_of "$candidate")"; then
            if [ -n "$version" ]; then too_old="${too_old:-$candidate is $version}"; fi
        elif ! "$candidate" -I -c 'import ensurepip, venv' >/dev/null 2>&1; then
            no_venv="${no_venv:-$candidate}"
        else
            FOUND_PYTHON="$candidate" FOUND_VERSION="$version"
            return 0
        fi
    done
    if [ -n "$no_venv" ]; then
        _fail "Undertow cannot be set up: $no_venv has no venv module (on Debian and Ubuntu: apt install python3-venv); install it and run this again."
    elif [ -n "$too_old" ]; then
        _fail "Undertow needs Python 3.11 or newer and $too_old; install a newer one, or name it: UNDERTOW_PYTHON=/path/to/python3.11"
    elif [ -n "${UNDERTOW_PYTHON:-}" ]; then
        _fail "Undertow needs Python 3.11 or newer and UNDERTOW_PYTHON=$UNDERTOW_PYTHON does not run; correct it or unset it."
    fi
    _fail "Undertow needs Python 3.11 or newer and found none; install it, or name it: UNDERTOW_PYTHON=/path/to/python3.11"
}

# --- one set-up at a time --------------------------------------------------------------------------------------------

_LOCK_FOLDER="$UNDERTOW_ROOT/.venv-setup.lock.d"

_lock() {
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$UNDERTOW_ROOT/.venv-setup.lock"
        flock -n 9 || { _say "Another set-up of this folder is running: waiting for it."; flock 9; }
        return 0
    fi
    local owner said="" ownerless=0
    until mkdir "$_LOCK_FOLDER" 2>/dev/null; do
        owner="$(cat "$_LOCK_FOLDER/pid" 2>/dev/null || true)"
        if [ -z "$owner" ]; then ownerless=$((ownerless + 1)); else ownerless=0; fi
        if { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; } || [ "$ownerless" -gt 10 ]; then
            rm -rf -- "$_LOCK_FOLDER" # its owner is gone
            continue
        fi
        [ -n "$said" ] || _say "Another set-up of this folder is running: waiting for it."
        said=yes
        sleep 1
    done
    printf '%s\n' "$$" >"$_LOCK_FOLDER/pid"
}

_unlock() {
    if [ "$(cat "$_LOCK_FOLDER/pid" 2>/dev/null || true)" = "$$" ]; then rm -rf -- "$_LOCK_FOLDER"; fi
    { exec 9>&-; } 2>/dev/null || true
}

# --- the set-up itself -----------------------------------------------------------------------------------------------

_line_open=""
_progress() {
    if [ -t 2 ]; then printf '\r\033[K%s' "$*" >&2; _line_open=yes; else _say "$*"; fi
}
_end_line() {
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
    _line_open=""
}

_pip() { PIP_USER=no PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 "$UNDERTOW_VENV/bin/python" -I -m pip "$@" 2>&1 9>&-; }

_show_packages() { # total; reads pip's output, logs it, shows one line a package
    local total="$1" count=0 line name version
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$UNDERTOW_SETUP_LOG"
        case "$line" in
            "Collecting "*" (from -r "* | "Requirement already satisfied: "*" (from -r "* | "Processing "*".whl (from -r "*)
                name="${line%% (from -r *}"
                name="${name%% in *}" # already satisfied: NAME==VERSION in FOLDER
                name="${name##*[ /]}"
                case "$name" in # numpy==2.4.6, or a wheel on disk: numpy-2.4.6-cp311-...whl
                    *.whl) version="${name#*-}" name="${name%%-*}" version="${version%%-*}" ;;
                    *) version="${name##*==}" name="${name%%==*}" ;;
                esac
                count=$((count + 1))
                _progress "  package $count of $total: $name $version"
                ;;
            "Installing collected packages: "*)
                : >"$UNDERTOW_VENV/.unpacking"
                _progress "  unpacking and compiling: the longest step, about a minute"
                ;;
        esac
    done
}

_explain_failure() { # one sentence about what the log shows
    local last package
    package="$(grep -oE '^(Collecting |ERROR: .*satisfies the requirement )[A-Za-z0-9][^ ]*' "$UNDERTOW_SETUP_LOG" | tail -n 1 || true)"
    package="${package##* }"
    package="${package:-the first package}"
    if grep -qiE 'hashes? .*do not match|THESE PACKAGES DO NOT MATCH' "$UNDERTOW_SETUP_LOG"; then
        last="$package arrived with other contents than the lock records, and was refused"
    elif grep -qiE 'No space left on device' "$UNDERTOW_SETUP_LOG"; then
        last="the disk is full"
    elif grep -qiE 'connection|timed? ?out|name resolution|unreachable|ProxyError|SSLError' "$UNDERTOW_SETUP_LOG"; then
        last="$package could not be downloaded because the package registry did not answer; check the network"
    elif grep -q 'No matching distribution' "$UNDERTOW_SETUP_LOG"; then
        last="there is no ready-made build of $package for this Python and system; try Python 3.11, 3.12 or 3.13"
    else
        last="$(grep -iE '^ *error' "$UNDERTOW_SETUP_LOG" | head -n 1 || true)"
        last="${last:-the installer stopped}"
    fi
    _fail "Set-up did not finish: $last. Nothing was run; the next run repairs it (log: $UNDERTOW_SETUP_LOG)."
}

_make_venv() { # keeps a sound .venv, replaces any other
    if [ -x "$UNDERTOW_VENV/bin/python" ] && [ -r "$UNDERTOW_VENV/pyvenv.cfg" ] && [ ! -e "$UNDERTOW_VENV/.unpacking" ] &&
        [ "$(cat "$UNDERTOW_VENV/.root" 2>/dev/null || true)" = "$UNDERTOW_ROOT" ] &&
        _version_of "$UNDERTOW_VENV/bin/python" >/dev/null && _pip --version >/dev/null; then
        return 0
    fi
    _find_python
    if [ -d "$UNDERTOW_VENV" ]; then
        _say "The .venv here is broken, unfinished or from another folder: making it again with Python $FOUND_VERSION."
    else
        _say "First run: installing Undertow's libraries into .venv, with Python $FOUND_VERSION. This takes a minute or two, once."
    fi
    rm -rf -- "$UNDERTOW_VENV"
    "$FOUND_PYTHON" -I -m venv "$UNDERTOW_VENV" >>"$UNDERTOW_SETUP_LOG" 2>&1 9>&- ||
        _fail "Set-up did not finish: $FOUND_PYTHON could not make the virtual environment (log: $UNDERTOW_SETUP_LOG)."
    printf '%s\n' "$UNDERTOW_ROOT" >"$UNDERTOW_VENV/.root"
}

_install() { # lock file
    local total others
    case "$(uname -s)" in Darwin) others="== 'win32'|!= 'darwin'" ;; *) others="== 'win32'|== 'darwin'" ;; esac
    total="$(grep -E '^[A-Za-z0-9]' "$1" | grep -vcE "$others")" # what other systems need is not counted
    _pip install --require-hashes --only-binary :all: --no-deps --retries 2 --progress-bar off -r "$1" |
        _show_packages "$total" || _explain_failure
    _progress "  undertow itself"
    (cd -- "$UNDERTOW_ROOT" && _pip install --no-deps --no-build-isolation --no-index --quiet -e .) >>"$UNDERTOW_SETUP_LOG" || _explain_failure
    rm -f -- "$UNDERTOW_VENV/.unpacking"
    _end_line
}

undertow_setup() { # kind: runtime or dev
    if _finished "$1"; then return 0; fi
    trap '_unlock' EXIT
    trap '_end_line; _say "Set-up interrupted: the same command finishes it."; exit 130' INT TERM
    _lock
    if ! _finished "$1"; then # another run may have finished it meanwhile
        : >"$UNDERTOW_SETUP_LOG"
        rm -f -- "$UNDERTOW_VENV/.undertow-runtime" "$UNDERTOW_VENV/.undertow-dev"
        _make_venv
        if [ "$1" = dev ]; then _install "$UNDERTOW_ROOT/requirements-dev.lock"; else _install "$UNDERTOW_ROOT/requirements.lock"; fi
        _wanted runtime >"$UNDERTOW_VENV/.undertow-runtime"
        if [ "$1" = dev ]; then _wanted dev >"$UNDERTOW_VENV/.undertow-dev"; fi
        _say "Set-up finished."
    fi
    _unlock
    trap - EXIT INT TERM
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    case "${1:-runtime}" in
        runtime | dev) undertow_setup "${1:-runtime}" ;;
        *) _fail "scripts/setup_env.sh takes runtime (the default) or dev, not '$1'." ;;
    esac
fi
