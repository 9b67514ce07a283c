#!/bin/bash
# Each plugin of this build exports exactly one symbol, cube_plugin, as data.
# CUBE_BUILD: the build folder (default build). Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${CUBE_BUILD:-build}
passed=0 failed=0

for plugin in "$build"/plugins/*/*.so; do
	[ -e "$plugin" ] || continue
	symbols=$(nm -D --defined-only "$plugin" | awk '{print $2, $3}' | tr '\n' ' ')
	case $symbols in
	'D cube_plugin ' | 'R cube_plugin ')
		passed=$((passed + 1))
		echo "ok      ${plugin#"$build"/}"
		;;
	*)
		failed=$((failed + 1))
		echo "FAILED  ${plugin#"$build"/} exports: $symbols"
		;;
	esac
done

# As many as there are sources for, so that an empty folder is no success.
sources=$(find plugins -mindepth 2 -maxdepth 2 \( -name '*.c' -o -type d \) | wc -l)
seen=$((passed + failed))
if [ $seen = "$sources" ]; then
	passed=$((passed + 1))
	echo "ok      all $sources plugins were looked at"
else
	failed=$((failed + 1))
	echo "FAILED  $sources plugins have sources, $seen are in $build/plugins"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
