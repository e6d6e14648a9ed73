#!/bin/sh
# Build step: the application into /opt/nlu-rl/app, with the recipes it ships.
set -eu
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
/build/pip/bin/pip --python /opt/nlu-rl/venv/bin/python install --no-deps --target /opt/nlu-rl/app /src
cp -r /src/recipes /opt/nlu-rl/app/nlu_rl/recipes
chmod -R a+rX,go-w /opt/nlu-rl/app
/opt/nlu-rl/app/bin/nlu-rl --version
