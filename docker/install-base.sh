#!/bin/sh
# Build step: what an image needs of the system, its user, and the folder that is written to.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ca-certificates python3 tini
# Caches, and pages for a reader who is not there; the licences stay.
rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/* /usr/share/man /usr/share/info /usr/share/locale
find /usr/share/doc -type f ! -name copyright -delete
find / -xdev -type f -perm /6000 -exec chmod a-s {} +  # nobody becomes another user
useradd --uid 10001 --no-create-home --home-dir /data/home nlu
mkdir -m 1777 /data
