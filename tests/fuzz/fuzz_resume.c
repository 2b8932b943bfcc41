/* fuzz_resume.c - any bytes as the folder of a run to go on with.
 *
 * One byte of flags, two bytes of a length, so many bytes of log.jsonl and of log.csv, and the rest
 * is last.safetensors. With the first flag it gets the right digest, as a file has that was made on
 * purpose, or else no mutation would come past it. With the second there is a good checkpoint
 * before it. Whatever lies there, a checkpoint is loaded whole or refused with a message, and the
 * log is cut to whole lines.
 */
#include <string.h>

#include "../support/digest.h"
#include "../support/tiny_model.h"
#include "file/checkpoint.h"
#include "fuzz.h"
#include "fuzz_folder.h"
#include "fuzz_message.h"
#include "file/log.h"
#include "train/resume.h"
#include "train/settings.h"

enum { SIGNED = 1, HAS_PREVIOUS = 2, HEAD = 3, PREFIX = 8, DIGITS = SHA256_HEX_SIZE - 1 };

static struct run run;

/* Opens the run and saves the good checkpoint, once. */
static void prepare(void)
{
    char path[FUZZ_PATH_SIZE];
    struct err err = {0};
    static char text[SETTING_COUNT][SETTINGS_TEXT_SIZE];
    struct safetensors_meta metas[SETTING_COUNT];
    struct checkpoint_counters counters = {.steps_per_epoch = TINY_STEPS, .best_acc = -1.0};
    struct settings settings;
    size_t count = 0;
    if (run.model != NULL)
        return;
    settings_init(&settings, &tiny_model);
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum settings_key key = (enum settings_key)i;
        if (settings_saved(&settings, key)) {
            metas[count].key = settings_name(key);
            metas[count].value = settings_text(&settings, key, text[count], sizeof text[count]);
            count++;
        }
    }
    FUZZ_CHECK(run_open(&run, &tiny_model, &generic_backend, 1, &err), "%s", err.message);
    run_init_params(&run, 1);
    FUZZ_CHECK(checkpoint_save(fuzz_path(RUNDIR_PREVIOUS, path), NULL, &run, &counters, metas,
                               count, &err),
               "%s", err.message);
}

static void sign(uint8_t *bytes, size_t size)
{
    static const char opening[] = SAFETENSORS_DIGEST;
    const size_t at = PREFIX + sizeof opening - 1;
    char hex[SHA256_HEX_SIZE];
    if (size < at + DIGITS || memcmp(bytes + PREFIX, opening, sizeof opening - 1) != 0)
        return;
    memset(bytes + at, '0', DIGITS);
    FUZZ_CHECK(digest(hex, bytes, size), "no digest");
    memcpy(bytes + at, hex, DIGITS);
}

static void load(struct resume *from, struct log_position *position)
{
    struct settings settings;
    struct checkpoint_counters counters = {.epoch = 0};
    struct err err = {0};
    settings_init(&settings, &tiny_model);
    if (checkpoint_fits(&from->file, &tiny_model, &err) &&
        settings_from_file(&settings, &from->file, &err) &&
        checkpoint_load(&from->file, &run, &counters, &err)) {
        FUZZ_CHECK(counters.step >= 0 && counters.epoch >= 0, "counters below zero");
        *position = (struct log_position){counters.epoch, counters.step};
    } else {
        check_message(&err, fuzz_folder);
    }
}

/* Cuts the log at the position; both files then end where a line ends. */
static void check_log(const struct log_position *position)
{
    static const char *const names[] = {"log.jsonl", "log.csv"};
    struct log log = {0};
    struct err err = {0};
    FUZZ_CHECK(log_open(&log, fuzz_folder, position, (struct log_kind){.synthetic = true}, &err),
               "%s", err.message);
    FUZZ_CHECK(log_close(&log, &err), "%s", err.message);
    for (int i = 0; i < 2; i++) {
        char path[FUZZ_PATH_SIZE];
        FILE *file = fopen(fuzz_path(names[i], path), "rb");
        FUZZ_CHECK(file != NULL, "%s is gone", names[i]);
        FUZZ_CHECK(fseek(file, -1, SEEK_END) != 0 || getc(file) == '\n', "%s: half a line",
                   names[i]);
        fclose(file);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH_SIZE], other[FUZZ_PATH_SIZE];
    if (size < HEAD)
        return 0;
    prepare();
    size_t log = (size_t)data[1] << 8 | data[2], rest = size - HEAD;
    log = log < rest ? log : rest;
    uint8_t *last = malloc(rest - log + 1);
    FUZZ_CHECK(last != NULL, "no memory");
    memcpy(last, data + HEAD + log, rest - log);
    if (data[0] & SIGNED)
        sign(last, rest - log);
    fuzz_put(RUNDIR_LAST, last, rest - log);
    free(last);
    fuzz_put("log.jsonl", data + HEAD, log);
    fuzz_put("log.csv", data + HEAD, log);
    bool hidden = !(data[0] & HAS_PREVIOUS);
    if (hidden)
        rename(fuzz_path(RUNDIR_PREVIOUS, path), fuzz_path("hidden", other));

    struct resume from = {0};
    struct err err = {0};
    struct log_position position = {0, 0};
    bool ok = resume_open(&from, fuzz_folder, &err);
    if (ok) {
        FUZZ_CHECK(from.fell_back == (from.warning[0] != '\0'), "fell back in silence");
        load(&from, &position);
    } else {
        check_message(&err, fuzz_folder);
    }
    FUZZ_CHECK(ok || hidden, "the good checkpoint was not taken: %s", err.message);
    resume_close(&from);
    check_log(&position);
    if (hidden)
        rename(fuzz_path("hidden", other), fuzz_path(RUNDIR_PREVIOUS, path));
    return 0;
}
