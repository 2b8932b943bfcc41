/* json.h - a JSON document as a file, and parts that are never lost on the way into one. */
#ifndef BURIN_JSON_H
#define BURIN_JSON_H

#include "sys/err.h"

#include <stdbool.h>

struct cJSON;

/* cJSON's two functions that take over an item, without the leak when they cannot: without memory,
 * or when either is NULL, the item is freed and the answer is false. */
bool json_add(struct cJSON *object, const char *key, struct cJSON *item);
bool json_append(struct cJSON *array, struct cJSON *item);

/* The text of an object on one line, to be given to cJSON_free; NULL without memory. Whatever
 * stands in it, a path perhaps, the text is UTF-8: bytes that are none become '?'. */
char *json_line(const struct cJSON *object);

/* Writes the document whole or not at all (see outfile.h) and frees it. One that is not complete,
 * which is NULL or lacks parts, is one that memory was too short for: that is the error. Its text
 * is UTF-8, as that of json_line. */
bool json_save(struct cJSON *document, bool complete, const char *path, struct err *err);

#endif
