/* cube/sim/chart.h - utilisation over time as a picture, drawn by gnuplot.
 *
 * gnuplot runs as a child without a shell; it reads script and data from a temporary file and
 * writes the picture to its output, so no name of a file and no word of a user is anything
 * that it would run. The picture appears under its name only when it is whole. Main thread.
 */
#ifndef CUBE_SIM_CHART_H
#define CUBE_SIM_CHART_H

#include "options.h"
#include "report.h"

/* Can it be drawn? Before a long simulation. UNAVAILABLE: gnuplot is not there. */
int sim_chart_check(enum sim_chart_form form, const char *path, struct cube_error *err);
int sim_chart_draw(const struct sim_report *report, enum sim_chart_form form, const char *path,
		   struct cube_error *err);

#endif
