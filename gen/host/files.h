/* files.h - the part of the global table `host` that reads and writes files.
 *
 * These are the only ways in which a script reaches a file; host.c lists what each returns.
 */
#ifndef BURIN_FILES_H
#define BURIN_FILES_H

struct lua_State;

/* Pushes the text of "gen/..." or "templates/...", from the folder gen_dir or, where that is NULL,
 * from embedded_files, and returns 0; or pushes nothing and returns the errno. */
int files_push_source(struct lua_State *L, const char *gen_dir, const char *name);

/* Adds source, embedded, template, read_file, write_if_changed, make_folder, print and show to the
 * table on top of the stack. gen_dir must outlive the state. */
void files_add_functions(struct lua_State *L, const char *gen_dir);

#endif
