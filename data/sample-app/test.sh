#!/bin/sh
# Compiles the service with its tests, in a folder of their own, and runs them.
set -eu
cd "$(dirname "$0")"
mkdir -p out/test
javac -d out/test src/*.java test/*.java
java -cp out/test HelloServiceTest
