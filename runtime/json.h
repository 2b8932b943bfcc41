/* json.h - a JSON document as a file. */
#ifndef BURIN_JSON_H
#define BURIN_JSON_H

#include "err.h"

#include <stdbool.h>

struct cJSON;

/* Writes the document whole or not at all (see outfile.h) and frees it. One that is not complete,
 * which is NULL or lacks parts, is one that memory was too short for: that is the error. */
bool json_save(struct cJSON *document, bool complete, const char *path, struct err *err);

#endif
