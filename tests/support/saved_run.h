/* saved_run.h - a run of the tiny model whose every number is another one, its checkpoint in a
 * folder. */
#ifndef BURIN_TEST_SAVED_RUN_H
#define BURIN_TEST_SAVED_RUN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "file/checkpoint.h"
#include "tiny_model.h"

static char folder[256], path[300];
static struct run run;
static struct checkpoint_counters counters;
static const struct safetensors_meta metas[] = {{"network", "tiny"}, {"norm", "bn"}};

static inline void fill(float *values, size_t count, float first)
{
    for (size_t i = 0; i < count; i++)
        values[i] = first + 0.001f * (float)i;
}

static inline void open_run(void)
{
    struct err err = {0};
    ck_assert_msg(run_open(&run, &tiny_model, &generic_backend, 1, &err), "%s", err.message);
}

static inline void setup(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_checkpoint.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    open_run();
    run_init_params(&run, 1);
    for (int i = 0; i < TINY_PARAMS; i++) {
        const struct param *param = &tiny_params[i];
        fill(run.store.param + param->offset, param->count, (float)i);
        fill(run.store.momentum + param->offset, param->count, -(float)i);
    }
    for (int i = 0; i < TINY_STATES; i++)
        fill(run.store.state + tiny_states[i].offset, tiny_states[i].count, 5.0f);
    run.store.batches = 47;
    counters = (struct checkpoint_counters){.epoch = 2,
                                            .step = 47,
                                            .steps_per_epoch = 20,
                                            .images = 1400,
                                            .correct = 734,
                                            .loss = 1.0 / 3.0,
                                            .best_acc = 75.3,
                                            .best_epoch = 1};
}

static inline void teardown(void)
{
    run_close(&run);
    unlink(path);
    rmdir(folder);
}

static inline void save(void)
{
    struct err err = {0};
    ck_assert_msg(checkpoint_save(path, NULL, &run, &counters, metas, 2, &err), "%s", err.message);
}

static inline struct safetensors read_back(void)
{
    struct safetensors file = {0};
    struct err err = {0};
    ck_assert_msg(safetensors_open(&file, path, &err), "%s", err.message);
    return file;
}

#endif
