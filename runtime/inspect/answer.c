/* answer.c - the probabilities are computed once and printed in three ways. */
#include "inspect/answer.h"

#include <assert.h>
#include <cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "file/json.h"
#include "sys/lines.h"

void answer_probabilities(double *p, const float *logits, int n)
{
    float largest = logits[0];
    for (int k = 1; k < n; k++)
        largest = logits[k] > largest ? logits[k] : largest;
    double sum = 0.0;
    for (int k = 0; k < n; k++) {
        p[k] = exp((double)logits[k] - (double)largest);
        sum += p[k];
    }
    for (int k = 0; k < n; k++)
        p[k] /= sum;
}

void answer_rank(int *order, const double *p, int n, int most)
{
    int count = 0; /* of order, the likeliest of those looked at */
    for (int k = 0; k < n; k++) {
        int at = count;
        while (at > 0 && p[k] > p[order[at - 1]])
            at--;
        if (at == most)
            continue;
        count += count < most;
        memmove(order + at + 1, order + at, (size_t)(count - 1 - at) * sizeof order[0]);
        order[at] = k;
    }
}

void answer_print_head(FILE *out, enum answer_format format, int most)
{
    if (format != ANSWER_CSV)
        return;
    fputs("file", out);
    for (int i = 1; i <= most; i++)
        fprintf(out, ",class_%d,probability_%d", i, i);
    fputs(",problem\r\n", out);
}

/* -- A table ----------------------------------------------------------------------------------- */

/* A name out of a file or a folder does nothing to a terminal. Returns its characters. */
static int print_plain(FILE *out, const char *text)
{
    int characters = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        const bool high = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        fputc(*at < 0x20 || *at == 0x7f || high ? '?' : *at, out);
        at += high;
        characters += (*at & 0xc0) != 0x80 || high; /* those that UTF-8 begins */
    }
    return characters;
}

static void write_row(FILE *out, const struct answer *a, const double *p, const int *order,
                      int most)
{
    const int used = print_plain(out, a->file);
    fprintf(out, "%*s", a->width > used ? a->width - used : 0, "");
    for (int i = 0; i < most; i++) {
        fputs("  ", out);
        print_plain(out, a->names[order[i]]);
        fprintf(out, " %.1f %%", 100.0 * p[order[i]]);
    }
}

static bool print_row(FILE *out, const struct answer *a, const double *p, const int *order,
                      int most)
{
    char *text = NULL;
    size_t size;
    FILE *row = open_memstream(&text, &size);
    if (row == NULL)
        return false;
    write_row(row, a, p, order, most);
    const bool ok = fclose(row) == 0;
    if (ok)
        lines_print(out, "", "%s", text);
    free(text);
    return ok;
}

/* -- JSON -------------------------------------------------------------------------------------- */

/* All digits: cJSON's own numbers may be off in the last one. */
static bool add_probability(cJSON *object, double p)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", p);
    return cJSON_AddRawToObject(object, "probability", digits) != NULL;
}

static bool print_object(FILE *out, const struct answer *a, const double *p, const int *order,
                         int most)
{
    cJSON *object = cJSON_CreateObject(), *classes = cJSON_CreateArray();
    bool ok = cJSON_AddStringToObject(object, "file", a->file) != NULL;
    for (int i = 0; ok && i < most; i++) {
        cJSON *one = cJSON_CreateObject();
        ok = json_append(classes, one) &&
             cJSON_AddStringToObject(one, "class", a->names[order[i]]) != NULL &&
             add_probability(one, p[order[i]]);
    }
    if (a->problem != NULL) {
        cJSON_Delete(classes);
        ok = ok && cJSON_AddStringToObject(object, "problem", a->problem) != NULL;
    } else {
        ok = json_add(ok ? object : NULL, "classes", classes) && ok;
    }
    char *text = ok ? json_line(object) : NULL;
    if (text != NULL)
        fprintf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(object);
    return text != NULL;
}

/* -- CSV --------------------------------------------------------------------------------------- */

static void print_field(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++)
        fputs(*text == '"' ? "\"\"" : (const char[]){*text, 0}, out);
    fputc('"', out);
}

static void print_record(FILE *out, const struct answer *a, const double *p, const int *order,
                         int most)
{
    print_field(out, a->file);
    for (int i = 0; i < most; i++) {
        fputc(',', out);
        if (a->problem == NULL) {
            print_field(out, a->names[order[i]]);
            fprintf(out, ",%.17g", p[order[i]]);
        } else {
            fputc(',', out);
        }
    }
    fputc(',', out);
    if (a->problem != NULL)
        print_field(out, a->problem);
    fputs("\r\n", out);
}

bool answer_print(FILE *out, enum answer_format format, const struct answer *answer, int most)
{
    double p[DATA_MAX_CLASSES] = {0};
    int order[DATA_MAX_CLASSES] = {0};
    const bool known = answer->problem == NULL;
    if (known) {
        assert(answer->classes <= DATA_MAX_CLASSES);
        answer_probabilities(p, answer->logits, answer->classes);
        answer_rank(order, p, answer->classes, most);
    }
    switch (format) {
    case ANSWER_TABLE:
        return !known || print_row(out, answer, p, order, most);
    case ANSWER_JSON:
        return print_object(out, answer, p, order, known ? most : 0);
    case ANSWER_CSV:
        print_record(out, answer, p, order, most);
        return true;
    }
    return false;
}
