# fetch.sh --- programs that cannot be installed beside those that are here: unpacked, or installed apart, into a cache.
#
# Sourced by run, and by others.  They are fetched once, outside of the namespaces, where there is a network.  Without one
# the tests of what is not there skip themselves.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

fetch_cache=$MEW_SUBMIT_ROOT/module/build/fetched

# Suites run side by side: whoever comes second waits, and finds it there.
fetch_alone ()
{
  mkdir -p "$fetch_cache" && exec {fetch_lock}>"$fetch_cache/lock" && { ! command -v flock >/dev/null || flock "$fetch_lock"; }
}

# fetch_debian PACKAGE...: Debian's packages, unpacked into $fetch_cache/PACKAGE.  No program there runs as another user.
fetch_debian ()
(
  command -v apt-get >/dev/null && command -v dpkg >/dev/null && fetch_alone || return
  for package
  do
    [ -e "$fetch_cache/$package" ] && continue
    work=$(mktemp -d) || return
    # As root, apt-get would want to give up its rights, and could not write here.
    (cd "$work" && timeout 60 apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=1 download "$package" \
       && dpkg -x "$package"_*.deb tree && chmod -R ug-s tree) >"$work/log" 2>&1 && mkdir -p "$fetch_cache" && mv "$work/tree" "$fetch_cache/$package"
    rm -rf "$work"
    [ -e "$fetch_cache/$package" ] || return
  done
)

# fetch_npm PACKAGE...: packages of npm, in $fetch_cache/npm/node_modules.  Nothing of theirs runs while they are installed.
fetch_npm ()
(
  missing=()
  command -v node >/dev/null && fetch_alone || return
  for package
  do
    [ -d "$fetch_cache/npm/node_modules/$package" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v npm >/dev/null && mkdir -p "$fetch_cache/npm" \
    && timeout 300 npm install --no-audit --no-fund --ignore-scripts --prefix "$fetch_cache/npm" "${missing[@]}" >/dev/null 2>&1
)
