#!/usr/bin/env bash
# Runs the tests with the lowest versions that pyproject.toml promises to work with, in an environment of their own:
# .venv-lowest, or $LOWEST_ENVIRONMENT. Options go to pytest: bash scripts/lowest_versions.sh tests/files
#
# Python 3.11 is needed: the oldest versions were never built for newer ones. Of torch the lowest version is tested
# where pytorch.org's index of small CPU builds answers, and that of constraints.txt elsewhere.
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# Every bound of pyproject.toml, core and extras, as a constraint: numpy>=1.26 becomes numpy==1.26.
lowest() {
  "$ENV_PYTHON" - "$REPOSITORY/pyproject.toml" <<'PYTHON'
import re, sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
for name, bound in sorted({re.fullmatch(r"([\w.-]+)(?:\[.*\])?>=([\w.]+)", line).groups() for line in lines if ">=" in line}):
    print(f"{name}=={bound}")
PYTHON
}

export PIP_DISABLE_PIP_VERSION_CHECK=1
environment=${LOWEST_ENVIRONMENT:-$REPOSITORY/.venv-lowest}
python=${PYTHON:-python3.11}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
  fail "Python 3.11 is needed; install it, or name it: PYTHON=/path/to/python3.11 bash $0"
ENV_PYTHON=$environment/bin/python
"$ENV_PYTHON" -c 'import pip' 2>/dev/null || create_environment "$python" "$environment"

bounds=$environment/lowest.txt
index=$(cpu_index)
if [ -n "$index" ]; then
  lowest >"$bounds"
else
  { lowest | grep -v '^torch=='; grep '^torch==' "$REPOSITORY/constraints.txt"; } >"$bounds"
fi
say "Installing the lowest versions, with $(grep '^torch==' "$bounds")"
# shellcheck disable=SC2086  # no option or two words
"$ENV_PYTHON" -m pip install --constraint "$bounds" $index torch || fail "pip could not install torch"
"$ENV_PYTHON" -m pip install --constraint "$bounds" --editable "$REPOSITORY[test]" ||
  fail "pip could not install the lowest versions: a bound in pyproject.toml names none that can be had"
require_display
cd "$REPOSITORY"
# Old libraries use what their newer companions deprecate (matplotlib 3.8 that of pyparsing 3.3): no fault of ours.
exec "$ENV_PYTHON" -m pytest -W ignore::DeprecationWarning -p no:cacheprovider --numprocesses=2 --dist=loadfile "$@"
