#!/bin/bash
# `make install` into a temporary prefix, and what can be done from there without our tree:
# pkg-config finds cube, the example scheduler builds and loads, uninstall takes all back.
# CUBE_BUILD: the build folder (default build). Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${CUBE_BUILD:-build}
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
plugins=$prefix/lib/cube/plugins
export PKG_CONFIG_PATH=$prefix/share/pkgconfig
unset CUBE_PLUGIN_PATH

# check WORDS COMMAND...: one line, and what the command said if it failed.
check() {
	local words=$1
	shift
	if "$@" >"$work/output" 2>&1; then
		passed=$((passed + 1))
		echo "ok      $words"
	else
		failed=$((failed + 1))
		echo "FAILED  $words"
		sed 's/^/    /' "$work/output"
	fi
}

# says TEXT COMMAND...: its output, either stream, contains the text.
says() {
	local text=$1
	shift
	"$@" 2>&1 | tee /dev/stderr | grep -qF -- "$text"
}

equals() {
	[ "$1" = "$2" ] || {
		printf 'wanted: %s\nis:     %s\n' "$1" "$2"
		return 1
	}
}

inner_make() {
	make --no-print-directory BUILD="$build" "$@"
}

check "make install" inner_make install PREFIX="$prefix"
for program in cube cube-manager cube-worker; do
	check "$program runs from there" says "$program 0." "$prefix/bin/$program" --version
done
for source in plugins/*/*; do
	plugin=$(basename "$source" .c)
	check "$plugin.so is there" test -x "$plugins/$(basename "$(dirname "$source")")/$plugin.so"
done
check "the supervisor is beside process.so" test -x "$plugins/runtime/process-supervisor"
check "a bare name finds the installed plugin" \
	says "file     $plugins/scheduler/roundrobin.so" "$prefix/bin/cube" plugin info roundrobin
for header in include/cube/*.h; do
	check "${header#include/} is there, as it is here" cmp "$header" "$prefix/$header"
done
check "the units start the installed programs" \
	grep -qx "ExecStart=$prefix/bin/cube-worker" "$prefix/lib/systemd/system/cube-worker.service"

check "pkg-config knows plugindir" equals "$plugins" "$(pkg-config --variable=plugindir cube)"
check "pkg-config knows the headers" equals "-I$prefix/include" "$(pkg-config --cflags cube | xargs)"

cp -r contrib/example-scheduler "$work/example"
rm -f "$work/example"/*.so
check "the example scheduler builds from the installed headers" \
	make -C "$work/example" CFLAGS='-O2 -Wall -Wextra -Wpedantic -Werror'
check "it exports cube_plugin alone" \
	equals "cube_plugin" "$(nm -D --defined-only "$work/example/fewest.so" | awk '{print $3}' | xargs)"
check "it installs beside the others" make -C "$work/example" install
check "the installed cube loads it" says "name     fewest" "$prefix/bin/cube" plugin info fewest.so
check "and shows its options" says "spread=no" "$prefix/bin/cube" plugin info "$work/example/fewest.so"
check "the manager's --help shows them too" \
	says "spread=no" "$prefix/bin/cube-manager" --scheduler=fewest.so --help
check "as a runtime it is refused in words" \
	says "fewest.so is a scheduler; --runtime wants a runtime" \
	timeout 10 "$prefix/bin/cube-worker" --runtime=fewest.so --data-dir "$work/data" --port 45931

check "make install DESTDIR" inner_make install PREFIX=/usr DESTDIR="$work/stage"
check "it lands under DESTDIR" test -x "$work/stage/usr/bin/cube-manager"
check "and nothing in it knows of DESTDIR" \
	sh -c "! grep -rqI '$work/stage' '$work/stage/usr/share' '$work/stage/usr/lib/systemd'"

check "make uninstall" inner_make uninstall PREFIX="$prefix"
check "only what others installed stays" \
	equals "$plugins/scheduler/fewest.so" "$(find "$prefix" -type f)"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
