#!/usr/bin/env bash
# Sets up all that is needed, then runs every check of the project. Options are passed on to pytest:
# bash scripts/test.sh tests/cvdm -k schedule
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

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
