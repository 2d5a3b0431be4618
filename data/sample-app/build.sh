#!/bin/sh
# Builds out/hello.jar. Dates inside it are fixed, so that the same source gives the same bytes, and the same bake.
set -eu
cd "$(dirname "$0")"
mkdir -p out/classes
javac -d out/classes src/*.java
[ ! -f version.txt ] || cp version.txt out/classes/
jar --create --file out/hello.jar --main-class HelloService --date 2015-08-01T00:00:00Z -C out/classes .
