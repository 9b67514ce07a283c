#!/bin/bash
# Each public header compiles alone, without a warning, as C11 and as C++17, under every
# compiler that is here; and a plugin that a C++ compiler builds has what the loader wants.
# Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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

strict=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fsyntax-only -Iinclude)
c_seen=0 cxx_seen=0
for header in include/cube/*.h; do
	name=cube/$(basename "$header")
	# Twice: the guard holds.
	printf '#include <%s>\n#include <%s>\nextern int one_symbol;\n' "$name" "$name" >"$work/one.c"
	cp "$work/one.c" "$work/one.cc"
	for cc in gcc clang; do
		command -v $cc >/dev/null || continue
		c_seen=1
		check "$name as C11 ($cc)" $cc -std=c11 "${strict[@]}" "$work/one.c"
	done
	for cxx in g++ clang++; do
		command -v $cxx >/dev/null || continue
		cxx_seen=1
		check "$name as C++17 ($cxx)" $cxx -std=c++17 "${strict[@]}" "$work/one.cc"
	done
done
check "a C and a C++ compiler were there" test $c_seen$cxx_seen = 11

# What the descriptor of a plugin written in C++ looks like.
cat >"$work/plugin.cc" <<'END'
#include <cube/scheduler.h>

namespace {
int open_it(const cube_host *, const char *const *, void **, cube_error *) { return 0; }
void close_it(void *) {}
int score(void *, const cube_nodes *, const cube_demand *, const uint32_t *rows, uint32_t n,
	  double *cost, cube_error *)
{
	for (uint32_t i = 0; i < n; i++)
		cost[i] = rows[i];
	return 0;
}
const cube_scheduler_ops ops = {sizeof(cube_scheduler_ops), 0, open_it, close_it,
				nullptr, score, nullptr, nullptr};
}

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.flags = 0,
	.name = "cplusplus",
	.version = "1",
	.summary = "a plugin in C++",
	.options = nullptr,
	.ops = {.scheduler = &ops},
};
END
for cxx in g++ clang++; do
	command -v $cxx >/dev/null || continue
	check "a plugin in C++20 ($cxx)" $cxx -std=c++20 -Wall -Wextra -Wpedantic -Werror -Iinclude \
		-shared -fPIC -fvisibility=hidden -o "$work/plugin.so" "$work/plugin.cc"
	check "it exports cube_plugin, unmangled ($cxx)" \
		sh -c "nm -D --defined-only '$work/plugin.so' | grep -q ' cube_plugin\$'"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
