/* tests/fake/no_symbol_plugin.c - a shared library, and no plugin. */
int no_symbol_answer(void);

__attribute__((visibility("default"))) int
no_symbol_answer(void)
{
	return 42;
}
