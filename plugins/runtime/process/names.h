/* names.h - the names and sizes that process.so and its supervisor agree on.
 *
 * Under the state folder of a worker:
 *
 *     containers/HANDLE/spec.json     what it is; written before anything starts
 *     containers/HANDLE/started.json  its first process; written before that executes
 *     containers/HANDLE/outcome.json  how it ended; written once, by the supervisor
 *     containers/HANDLE/log, log.1    its output, new and older (output format below)
 *     containers/HANDLE/work/         its working directory and HOME
 *     live/HANDLE                     locked, and open for writing, from before the folder is
 *                                     there until its supervisor ends
 *
 * A record of the log is "MS SF TEXT\n": Unix time in milliseconds, stream 1 or 2,
 * F if TEXT ends a line or P if the line goes on. A lock on live/HANDLE is an open
 * file description lock: it can be asked for without taking it, and who starts a supervisor
 * hands it over with the descriptor, so that there is no moment in which a container that is
 * being started looks abandoned.
 */
#ifndef PROCESS_NAMES_H
#define PROCESS_NAMES_H

#define LAUNCH_FD    3
#define REPORT_FD    4
#define LOCK_FD      5
#define LAUNCH_MAGIC "cube-process-2"

#define REPORT_RUNNING "R" /* R PID START_TICKS STARTED_MS */
#define REPORT_FAILED  "E" /* E ERRNO STAGE */
#define REPORT_SIZE    128

#define STAGE_EXEC   "exec"
#define STAGE_CGROUP "cgroup"

#define SPEC_FILE        "spec.json"
#define STARTED_FILE     "started.json"
#define OUTCOME_FILE     "outcome.json"
#define LOG_FILE         "log"
#define LOG_OLD_FILE     "log.1"
#define WORK_FOLDER      "work"
#define NEW_SUFFIX       ".new"
#define OUTCOME_SIZE_MAX 512

#define RECORD_TEXT_MAX 16384 /* bytes of TEXT in one record of the log */
#define LOG_BYTES_MIN   65536 /* several of the largest records fit */

#define CGROUP_DIRS_MAX  3
#define CGROUP_PATH_SIZE 320

/* What a cgroup directory of a container is. The first of a container's list
 * holds all of its processes and is the one that is killed. */
enum cgroup_kind {
	CGROUP_UNIFIED = 'u', /* version 2, alone or beside version 1 */
	CGROUP_PIDS = 'p',    /* the others: version 1 */
	CGROUP_MEMORY = 'm',
	CGROUP_CPU = 'c'
};

#endif
