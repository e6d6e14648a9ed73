#!/bin/sh
# Build step: the application into /opt/nlu-rl/app, with the recipes it ships.
set -eu
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
cp -r /source /build/source  # it is built in place, and what is mounted may not be written
/build/pip/bin/pip --python /opt/nlu-rl/venv/bin/python install --no-deps --target /opt/nlu-rl/app /build/source
cp -r /source/recipes /opt/nlu-rl/app/nlu_rl/recipes
chmod -R a+rX,go-w /opt/nlu-rl/app
/opt/nlu-rl/app/bin/nlu-rl --version
