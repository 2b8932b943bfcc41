/* json.h - building a JSON document, and saving it as a file. */
#ifndef BURIN_JSON_H
#define BURIN_JSON_H

#include "err.h"

#include <stdbool.h>

struct cJSON;

/* Adds value to an object or an array, which owns it then. False when memory was too short, for the
 * value or for this; then the value is freed. */
bool json_add(struct cJSON *object, const char *name, struct cJSON *value);
bool json_append(struct cJSON *array, struct cJSON *value);

/* Writes the document whole or not at all (see outfile.h) and frees it. One that is not complete,
 * which is NULL or lacks parts, is one that memory was too short for: that is the error. */
bool json_save(struct cJSON *document, bool complete, const char *path, struct err *err);

#endif
