#!/usr/bin/env bash
# Print the version of this tree for `--build-arg VERSION`, as hatch-vcs derives it: the tag vX.Y.Z
# itself, X.Y.Z.postN+gHASH N commits after it, and 0.0 without git and without a `git archive`.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -e .git ]; then
  described=$(git describe --tags --abbrev=9 --match 'v[0-9]*' 2>/dev/null) \
    || described=v0.0-$(git rev-list --count HEAD)-g$(git rev-parse --short=9 HEAD)
else
  described=$(sed -n 's/^describe-name: \(v[0-9]\)/\1/p' .git_archival.txt 2>/dev/null) || true
  described=${described:-v0.0}
fi
if [[ $described =~ ^v(.+)-([0-9]+)-(g[0-9a-f]+)$ ]]; then
  echo "${BASH_REMATCH[1]}.post${BASH_REMATCH[2]}+${BASH_REMATCH[3]}"
else
  echo "${described#v}"
fi
