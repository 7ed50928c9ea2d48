#!/usr/bin/env bash
# Sets up all that is needed, then runs every check of the project. Options are passed on to pytest:
# bash scripts/test.sh tests/cvdm -k schedule
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# The tests open real windows on a virtual screen. What that needs and pip cannot bring is installed here when this
# user may, and named when not.
require_display() {
  local packages administrator=""
  [ "$(uname -s)" = Linux ] || return 0
  packages=$("$ENV_PYTHON" "$REPOSITORY/scripts/display_packages.py")
  [ -n "$packages" ] || return 0
  if [ "$(id -u)" != 0 ]; then administrator=sudo; fi
  # shellcheck disable=SC2086  # lists of words
  if command -v apt-get >/dev/null && { [ -z "$administrator" ] || sudo -n true 2>/dev/null; }; then
    say "Installing with apt-get:" $packages
    export DEBIAN_FRONTEND=noninteractive
    if { $administrator apt-get update && $administrator apt-get install -y --no-install-recommends $packages; } >&2; then
      return 0
    fi
  fi
  fail "the tests need a virtual screen and Qt's libraries; on Debian or Ubuntu run this, then try again:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends" $packages
}

failed=()
check() {
  local name=$1
  shift
  say "$name"
  "$@" || failed+=("$name")
}

prepare_environment test
require_display
cd "$REPOSITORY"
check "ruff check" "$ENV_PYTHON" -m ruff check
check "ruff format" "$ENV_PYTHON" -m ruff format --check
check "mypy" "$ENV_PYTHON" -m mypy
check "npe2 validate" "$ENV_BIN/npe2" validate --imports napari-cvdm
# Two at a time, which halves the time; a module's tests share their fixtures, so they stay together.
check "pytest" "$ENV_PYTHON" -m pytest --numprocesses=2 --dist=loadfile "$@"
[ ${#failed[@]} = 0 ] || { printf 'failed: %s\n' "${failed[*]}" >&2; exit 1; }
