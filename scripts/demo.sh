#!/usr/bin/env bash
# Sets up all that is needed, then restores a real micrograph with the bundled weights.
# Options are passed on: bash scripts/demo.sh --help
set -euo pipefail
# shellcheck source=scripts/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment all
exec "$ENV_BIN/napari-cvdm" demo "$@"
