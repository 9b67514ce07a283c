/* tests/fake/function_plugin.c - exports the right name for the wrong thing. */
int cube_plugin(void);

__attribute__((visibility("default"))) int
cube_plugin(void)
{
	return 0;
}
