/* cube-manager/options.c - see the header. */
#include "cube-manager/options.h"

static const struct cli_option options[] = {
	{.name = "scheduler",
	 .arg = "PLUGIN",
	 .env = "CUBE_MANAGER_SCHEDULER",
	 .fallback = "roundrobin.so",
	 .help = "the scheduler: a bare name (roundrobin.so) is looked up, a name with a slash "
		 "is a path"},
	{.name = "scheduler-opt",
	 .arg = "KEY=VALUE",
	 .env = "CUBE_MANAGER_SCHEDULER_OPT",
	 .repeats = true,
	 .help = "an option of the scheduler plugin"},
	{.name = "store",
	 .arg = "PLUGIN",
	 .env = "CUBE_MANAGER_STORE",
	 .fallback = "sqlite.so",
	 .help = "where the manager keeps its state"},
	{.name = "store-opt",
	 .arg = "KEY=VALUE",
	 .env = "CUBE_MANAGER_STORE_OPT",
	 .repeats = true,
	 .help = "an option of the store plugin"},
	{.name = "plugin-dir",
	 .arg = "DIR",
	 .env = "CUBE_MANAGER_PLUGIN_DIR",
	 .help = "look for plugins here first"},
	{.name = "host",
	 .arg = "ADDRESS",
	 .env = "CUBE_MANAGER_HOST",
	 .fallback = "127.0.0.1",
	 .help = "address to listen on"},
	{.name = "port",
	 .arg = "PORT",
	 .env = "CUBE_MANAGER_PORT",
	 .fallback = "5555",
	 .help = "port to listen on; 0: any free one, which the log names"},
	{.name = "workers",
	 .arg = "HOST:PORT,...",
	 .env = "CUBE_MANAGER_WORKERS",
	 .help = "workers that do not join by themselves; those of the book's protocol too"},
	{.name = "node-timeout",
	 .arg = "TIME",
	 .env = "CUBE_MANAGER_NODE_TIMEOUT",
	 .fallback = "30s",
	 .help = "a worker that is silent for half of it gets no new tasks, for all of it is "
		 "lost"},
	{.name = "events-max",
	 .arg = "COUNT",
	 .env = "CUBE_MANAGER_EVENTS_MAX",
	 .fallback = "100000",
	 .help = "how many entries of the tasks' history are kept"},
	{.name = "data-dir",
	 .arg = "DIR",
	 .env = "CUBE_MANAGER_DATA_DIR",
	 .help = "folder for the state; default: /var/lib/cube/manager, or "
		 "$XDG_STATE_HOME/cube/manager when not root"},
	{.name = "log-level",
	 .arg = "LEVEL",
	 .env = "CUBE_MANAGER_LOG_LEVEL",
	 .fallback = "info",
	 .help = "error, warning, info or debug"},
	{.name = "help", .letter = 'h', .help = "print this, and the plugins' options"},
	{.name = "version", .help = "print the version"},
	{.name = NULL},
};

const struct cli_program manager_program = {
	.name = "cube-manager",
	.summary = "accepts tasks, keeps them durably, and decides where each runs",
	.options = options,
	.notes = "Every option can be given in the environment as well, as CUBE_MANAGER_ and "
		 "its "
		 "name\nin capitals (CUBE_MANAGER_PORT=5555).\n\n"
		 "SIGTERM and SIGINT end the manager within two seconds. Tasks go on running, "
		 "and\nthe manager goes on with them when it starts again on the same store.",
};
