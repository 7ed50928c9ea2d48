# shellcheck shell=bash
# Sourced by demo.sh, test.sh and lowest_versions.sh. Gives the first two one Python environment that holds napari-cvdm
# with the versions of constraints.txt, and the tests what their windows need:
#
#   prepare_environment EXTRA    installs napari-cvdm[EXTRA] when it is not yet there, and sets ENV_PYTHON and ENV_BIN
#   require_display              installs a virtual screen and Qt's libraries, or says how to; asks ENV_PYTHON for them
#
# An active virtual environment is used as it is; otherwise the environment is .venv in the repository.

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '==> %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# The first Python that is new enough: $PYTHON when set, else the usual names.
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "Python 3.11 or newer is needed; install it, or name it: PYTHON=/path/to/python bash $0"
}

# Debian packs ensurepip apart from Python. Where it is missing, the pip that is there fills the new environment.
create_environment() {
  local python=$1 folder=$2
  say "Creating the virtual environment $folder"
  if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    "$python" -m venv "$folder" || fail "$python could not create $folder"
    return
  fi
  "$python" -m venv --without-pip "$folder" &&
    "$python" -m pip --python "$folder/bin/python" install pip ||
    fail "$python can make no virtual environment; on Debian: apt-get install python3-venv python3-pip"
}

# PyPI's torch for Linux brings gigabytes of CUDA libraries, of no use without an NVIDIA GPU; pytorch.org's own index
# has a small build. It is asked only when it answers, and only when pip was not told where to look for packages.
cpu_index() {
  local index=https://download.pytorch.org/whl/cpu settings
  [ "$(uname -s)" = Linux ] || return 0
  [ ! -e /proc/driver/nvidia/version ] && ! command -v nvidia-smi >/dev/null || return 0
  settings=$("$ENV_PYTHON" -m pip config list)
  case $settings in *index-url=* | *find-links=* | *no-index=*) return 0 ;; esac
  "$ENV_PYTHON" - "$index/torch/" >/dev/null 2>&1 <<'PYTHON' || return 0
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5).close()
PYTHON
  printf -- '--extra-index-url %s\n' "$index"
}

install() {
  local extra=$1 constraints=$REPOSITORY/constraints.txt torch
  torch=$(grep '^torch==' "$constraints")
  say "Installing $torch"
  # shellcheck disable=SC2046  # no option or two words
  "$ENV_PYTHON" -m pip install --constraint "$constraints" $(cpu_index) "$torch" || fail "pip could not install $torch"
  say "Installing napari-cvdm[$extra]"
  "$ENV_PYTHON" -m pip install --constraint "$constraints" --editable "$REPOSITORY[$extra]" ||
    fail "pip could not install napari-cvdm[$extra]"
}

prepare_environment() {
  local extra=$1 python fingerprint stamp
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  python=$(find_python) || exit 2
  if "$python" -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)'; then
    ENV_PYTHON=$("$python" -c 'import sys; print(sys.executable)')
  else
    ENV_PYTHON=$REPOSITORY/.venv/bin/python
    "$ENV_PYTHON" -c 'import pip' 2>/dev/null || create_environment "$python" "$REPOSITORY/.venv"
  fi
  ENV_BIN=$(dirname "$ENV_PYTHON")

  # What was asked for is noted in the environment, so that a second run starts at once and needs no network.
  fingerprint=$(cat "$REPOSITORY/pyproject.toml" "$REPOSITORY/constraints.txt" | cksum)" $REPOSITORY"
  stamp=$("$ENV_PYTHON" -c 'import sys; print(sys.prefix)')/napari-cvdm-installed.txt
  if [ "$(head -n 1 "$stamp" 2>/dev/null)" != "$fingerprint" ]; then
    rm -f "$stamp"
  fi
  if ! grep -qx "$extra" "$stamp" 2>/dev/null; then
    install "$extra"
    [ -e "$stamp" ] || printf '%s\n' "$fingerprint" >"$stamp"
    printf '%s\n' "$extra" >>"$stamp"
    [ "$extra" != test ] || printf 'all\n' >>"$stamp" # pyproject.toml: test contains all
  fi
}

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
