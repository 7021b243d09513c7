#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds Rookery from source on Debian 12 (or a relative of it), as root or with sudo.
#   run    install packages, build, start the app          (the usual one)
#   test   install packages, build everything, run all tests without a screen
#   deps   install packages only
#   build  build only
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(
  g++ cmake ninja-build ccache pkg-config python3-pip
  nlohmann-json3-dev libcli11-dev libfmt-dev libexpected-dev
  libdeflate-dev libzstd-dev libxxhash-dev libssl-dev libutf8proc-dev zlib1g-dev
  qt6-base-dev qt6-svg-dev qt6-tools-dev qt6-tools-dev-tools qt6-l10n-tools libqt6sql6-sqlite libqt6svg6
  libqcustomplot-dev libmd4c-dev libsqlite3-dev libgl-dev libxkbcommon-dev
  libvulkan-dev libvulkan-volk-dev glslc mesa-vulkan-drivers
)
test_packages=(doctest-dev xvfb xauth fonts-dejavu-core sqlite3 desktop-file-utils appstream
  vulkan-validationlayers)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs what is missing; asks for package lists only then.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "These packages are needed, and this is not a Debian system: ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${#missing[@]} packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# configure PRESET [CMAKE OPTIONS...]
configure() { cmake --preset "$@" -Wno-dev; }
# build PRESET [CMAKE OPTIONS...]: everything.
build() {
  configure "$@"
  cmake --build --preset "$1"
}

case "${1:-}" in
  deps) install_packages "${build_packages[@]}" "${test_packages[@]}" ;;
  build)
    build release
    echo "Built: build/release/bin/rookery and build/release/bin/rookery-cli"
    ;;
  run)
    install_packages "${build_packages[@]}"
    build release
    if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
      echo "Built build/release/bin/rookery. There is no screen here to show its window on;" >&2
      echo "build/release/bin/rookery-cli chat guide talks to the guide model in this terminal." >&2
      exit 0
    fi
    shift
    exec build/release/bin/rookery "$@"
    ;;
  test)
    install_packages "${build_packages[@]}" "${test_packages[@]}"
    build dev -DROOKERY_REQUIRE_VULKAN=ON
    export ROOKERY_TEST_REQUIRE_VULKAN=1  # llvmpipe and the validation layer are installed by now
    # Tests that look at the clock run alone, as they ask for.
    QT_QPA_PLATFORM=offscreen ctest --preset dev -LE slow --parallel 2
    QT_QPA_PLATFORM=offscreen ctest --preset dev -L slow --parallel 2
    # Sanitizers cost three to ten times: the short tests, and the forward pass once.
    configure asan -DROOKERY_REQUIRE_VULKAN=ON
    cmake --build --preset asan --target short_tests test_engine_forward
    ctest --preset asan -LE slow --parallel 2
    ctest --preset asan -R '^engine\.forward$'
    ;;
  *)
    sed -n '3,8s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
