/* export.h - the names by which generated programs reach the installed library.
 *
 *     void team_barrier(struct team *team) BURIN_EXPORT(team_barrier);
 *
 * C has one space of names for all that is linked into a program, and a user's own code may have a
 * team_barrier, too. What generated C calls is therefore `burin_team_barrier` to the linker, whatever
 * C calls it. All else is hidden: `make install` joins the library into one object, in which hidden
 * names are local. So the library takes no name of a program but those that begin with burin_, and
 * the sources keep their short ones.
 */
#ifndef BURIN_EXPORT_H
#define BURIN_EXPORT_H

#define BURIN_EXPORT(name) BURIN_EXPORT_AS(name) /* name may be a macro */
#define BURIN_EXPORT_AS(name) __asm__("burin_" #name) __attribute__((visibility("default")))

#endif
