/* tests/unit/check_main.h - the main function of a test program: one suite, run by check.
 *
 *     static Suite *suite(void) { ... }
 *     CHECK_MAIN(suite)
 *
 * Runs without forking under CK_FORK=no (sanitizers, valgrind, gdb). */
#ifndef CHECK_MAIN_H
#define CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

#define CHECK_MAIN(suite)                                         \
	int main(void)                                            \
	{                                                         \
		SRunner *runner = srunner_create(suite());        \
		int failed;                                       \
                                                                  \
		srunner_run_all(runner, CK_ENV);                  \
		failed = srunner_ntests_failed(runner);           \
		srunner_free(runner);                             \
		return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE; \
	}

#endif
