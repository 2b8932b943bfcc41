/* log.c - lines of JSON and rows of figures, flushed one by one.
 *
 * The invariant: both files hold whole lines only, in the order of training. A crash can leave
 * half a line at the end; opening for resumption removes it.
 */
#include "file/log.h"

#include <cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/infile.h"
#include "file/json.h"

static const char csv_header[] =
    "epoch,lr,train_loss,train_acc,%s_loss,%s_acc,seconds,images_per_s,data\n";

static const char *evaluated(const struct log *log)
{
    return log->kind.validates ? "val" : "test";
}

/* -- Opening ----------------------------------------------------------------------------------- */

/* Whether a line of log.jsonl tells of something after the position. Lines that are no JSON are
 * nobody's reason to lose the rest. */
static bool event_is_later(const char *line, const struct log_position *position)
{
    cJSON *event = cJSON_Parse(line);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "event"));
    const cJSON *epoch = cJSON_GetObjectItemCaseSensitive(event, "epoch");
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(event, "step");
    bool later = false;
    if (name != NULL && strcmp(name, "epoch") == 0 && cJSON_IsNumber(epoch)) {
        later = epoch->valuedouble > (double)position->epochs;
    } else if (name != NULL && cJSON_IsNumber(step)) {
        later = step->valuedouble > (double)position->steps;
    }
    cJSON_Delete(event);
    return later;
}

static bool row_is_later(const char *line, const struct log_position *position)
{
    char *end = NULL;
    long long epoch = strtoll(line, &end, 10);
    return end != line && epoch > position->epochs;
}

/* Cuts a file before its first later line and before a half line at its end. */
static bool cut(FILE *file, const char *path, const struct log_position *position,
                bool (*is_later)(const char *, const struct log_position *), struct err *err)
{
    char *line = NULL;
    size_t size = 0;
    off_t keep = 0;
    ssize_t length;
    rewind(file);
    errno = 0;
    while ((length = getline(&line, &size, file)) > 0 && line[length - 1] == '\n' &&
           !is_later(line, position) && errno != ENOMEM) {
        keep += length;
    }
    free(line);
    /* No memory for a line is no reason to cut it off, nor to keep it. */
    if ((length < 0 && !feof(file)) || errno == ENOMEM)
        return err_set_errno(err, errno, "%s: cannot read", path);
    if (fseeko(file, keep, SEEK_SET) != 0 || ftruncate(fileno(file), keep) != 0)
        return err_set_errno(err, errno, "%s: cannot cut at byte %lld", path, (long long)keep);
    return true;
}

static FILE *open_file(char **path, const char *folder, const char *name, bool resumed,
                       struct err *err)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    *path = malloc(size);
    if (*path == NULL) {
        err_set_errno(err, ENOMEM, "%s/%s", folder, name);
        return NULL;
    }
    snprintf(*path, size, "%s/%s", folder, name);
    FILE *file = resumed ? infile_open(*path, "r+") : NULL;
    if (file == NULL && (!resumed || errno == ENOENT))
        file = fopen(*path, "w+");
    if (file == NULL)
        err_set(err, "%s: cannot write: %s", *path, infile_reason(errno));
    return file;
}

static bool flush(FILE *file, const char *path, struct err *err)
{
    if (ferror(file) || fflush(file) != 0)
        return err_set_errno(err, errno, "%s: cannot write", path);
    return true;
}

bool log_open(struct log *log, const char *folder, const struct log_position *resumed,
              struct log_kind kind, struct err *err)
{
    *log = (struct log){.kind = kind};
    log->jsonl = open_file(&log->jsonl_path, folder, "log.jsonl", resumed != NULL, err);
    log->csv = log->jsonl == NULL
                   ? NULL
                   : open_file(&log->csv_path, folder, "log.csv", resumed != NULL, err);
    bool ok = log->csv != NULL;
    if (ok && resumed != NULL) {
        ok = cut(log->jsonl, log->jsonl_path, resumed, event_is_later, err) &&
             cut(log->csv, log->csv_path, resumed, row_is_later, err);
    }
    if (ok && ftello(log->csv) == 0) {
        fprintf(log->csv, csv_header, evaluated(log), evaluated(log));
        ok = flush(log->csv, log->csv_path, err);
    }
    if (!ok)
        log_close(log, err);
    return ok;
}

bool log_close(struct log *log, struct err *err)
{
    bool ok = true;
    if (log->jsonl != NULL && fclose(log->jsonl) != 0)
        ok = err_set_errno(err, errno, "%s: cannot close", log->jsonl_path);
    if (log->csv != NULL && fclose(log->csv) != 0)
        ok = err_set_errno(err, errno, "%s: cannot close", log->csv_path);
    free(log->jsonl_path);
    free(log->csv_path);
    *log = (struct log){0};
    return ok;
}

/* -- Writing ----------------------------------------------------------------------------------- */

bool log_event(struct log *log, struct cJSON *fields, const char *name, struct err *err)
{
    char *text = NULL;
    cJSON *event = fields == NULL ? NULL : cJSON_CreateString(name);
    if (event != NULL && cJSON_InsertItemInArray(fields, 0, event)) {
        event->string = strdup("event");
        bool marked = !log->kind.synthetic || cJSON_AddStringToObject(fields, "data", "SYNTHETIC");
        text = event->string != NULL && marked ? json_line(fields) : NULL;
    }
    cJSON_Delete(fields);
    if (text == NULL)
        return err_set_errno(err, ENOMEM, "%s", log->jsonl_path);
    fprintf(log->jsonl, "%s\n", text);
    cJSON_free(text);
    return flush(log->jsonl, log->jsonl_path, err);
}

/* Rounds to so many decimals, which keeps the lines short without hiding anything. */
static double rounded(double value, double scale)
{
    return round(value * scale) / scale;
}

/* Six digits: a product of floats such as 0.05 * 0.2 has no shorter text that is its own. */
static double lr_number(float lr)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", (double)lr);
    return strtod(text, NULL);
}

bool log_epoch(struct log *log, const struct log_epoch *epoch, struct err *err)
{
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"epoch", epoch->epoch},
        {"lr", lr_number(epoch->lr)},
        {"train_loss", rounded(epoch->train_loss, 1e6)},
        {"train_acc", rounded(epoch->train_acc, 1e4)},
        {log->kind.validates ? "val_loss" : "test_loss", rounded(epoch->test_loss, 1e6)},
        {log->kind.validates ? "val_acc" : "test_acc", rounded(epoch->test_acc, 1e4)},
        {"seconds", rounded(epoch->seconds, 1e3)},
        {"images_per_s", rounded(epoch->images_per_s, 1e1)},
    };
    cJSON *fields = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!cJSON_AddNumberToObject(fields, numbers[i].name, numbers[i].value)) {
            cJSON_Delete(fields);
            fields = NULL;
        }
        fprintf(log->csv, "%.10g,", numbers[i].value);
    }
    fprintf(log->csv, "%s\n", log->kind.synthetic ? "SYNTHETIC" : log->kind.format);
    return log_event(log, fields, "epoch", err) && flush(log->csv, log->csv_path, err);
}

bool log_step(struct log *log, int64_t step, double loss, struct err *err)
{
    fprintf(log->jsonl, "{\"event\":\"step\",\"step\":%lld,\"loss\":%.17g%s}\n", (long long)step,
            loss, log->kind.synthetic ? ",\"data\":\"SYNTHETIC\"" : "");
    return flush(log->jsonl, log->jsonl_path, err);
}
