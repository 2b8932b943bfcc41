/* gnuplot.h - plots for scripts: the function host.gnuplot. */
#ifndef BURIN_GNUPLOT_H
#define BURIN_GNUPLOT_H

struct lua_State;

/* gnuplot(script): what the program gnuplot prints for this script, or nil and why there is
 * nothing. */
int gnuplot_run(struct lua_State *L);

#endif
