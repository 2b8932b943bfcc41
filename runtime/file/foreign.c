/* foreign.c - names are cut where they stand, numbers are converted into one block. */
#include "file/foreign.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/checkpoint.h"

static void say(char said[FOREIGN_SAID_SIZE], const char *fmt, ...) BURIN_PRINTF(2, 3);

/* Appends; what has no room is cut. Names do nothing to a terminal. */
static void say(char said[FOREIGN_SAID_SIZE], const char *fmt, ...)
{
    const size_t used = strlen(said);
    va_list args;
    va_start(args, fmt);
    vsnprintf(said + used, FOREIGN_SAID_SIZE - used, fmt, args);
    va_end(args);
    for (char *at = said + used; *at != '\0'; at++) {
        if (((unsigned char)*at < ' ' && *at != '\n') || *at == 0x7f)
            *at = '?';
    }
}

/* -- Names ------------------------------------------------------------------------------------- */

static bool all_begin_with(const struct safetensors *file, const char *prefix)
{
    const size_t length = strlen(prefix);
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        if (strncmp(name, prefix, length) != 0 || name[length] == '\0')
            return false;
    }
    return file->count > 0;
}

static bool has_parameter(const struct safetensors *file, const struct model *model)
{
    for (int i = 0; i < model->param_count; i++) {
        if (safetensors_find(file, model->params[i].name) != NULL)
            return true;
    }
    return false;
}

/* The order of names stays: all lose the same. */
static void strip_prefixes(struct safetensors *file, const struct model *model,
                           char said[FOREIGN_SAID_SIZE])
{
    static const char *const prefixes[] = {"module.", "_orig_mod.", "model."};
    enum { PREFIXES = sizeof prefixes / sizeof prefixes[0] };
    int i = 0;
    while (i < PREFIXES && !has_parameter(file, model)) {
        if (!all_begin_with(file, prefixes[i])) {
            i++;
            continue;
        }
        for (size_t k = 0; k < file->count; k++)
            file->tensors[k].name += strlen(prefixes[i]);
        say(said, "%s\"%s\" taken from the beginning of every name", said[0] == '\0' ? "" : ", ",
            prefixes[i]);
        i = 0;
    }
}

/* -- Numbers ----------------------------------------------------------------------------------- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float foreign_from_bf16(uint16_t bits)
{
    return from_bits((uint32_t)bits << 16);
}

float foreign_from_f16(uint16_t bits)
{
    enum { BIAS = 127 - 15, MOST = 31 };
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t fraction = bits & 0x3ff;
    int exponent = bits >> 10 & MOST;
    if (exponent == MOST) /* infinite, or none */
        return from_bits(sign | 0x7f800000U | fraction << 13);
    if (exponent == 0 && fraction == 0)
        return from_bits(sign);
    if (exponent == 0) { /* below the least normal one: normal as a float */
        exponent = 1;
        while ((fraction & 0x400) == 0) {
            fraction <<= 1;
            exponent--;
        }
        fraction &= 0x3ff;
    }
    return from_bits(sign | (uint32_t)(exponent + BIAS) << 23 | fraction << 13);
}

static bool is_of_model(const struct model *model, const char *name)
{
    bool found = false;
    for (int i = 0; i < model->param_count && !found; i++)
        found = strcmp(model->params[i].name, name) == 0;
    for (int i = 0; i < model->state_count && !found; i++)
        found = strcmp(model->states[i].name, name) == 0;
    return found;
}

/* Whether a tensor must become floats: a checkpoint counts in doubles beside its model. */
static bool is_other_float(const struct model *model, const struct safetensor *tensor)
{
    const enum safetensors_dtype dtype = tensor->dtype;
    return (dtype == SAFETENSORS_F16 || dtype == SAFETENSORS_BF16 || dtype == SAFETENSORS_F64) &&
           is_of_model(model, tensor->name);
}

static size_t element_bytes(enum safetensors_dtype dtype)
{
    return dtype == SAFETENSORS_F64 ? sizeof(double) : sizeof(uint16_t);
}

static void convert(float *out, const struct safetensor *tensor, size_t count)
{
    const char *in = tensor->data;
    for (size_t i = 0; i < count; i++) {
        double number;
        uint16_t half;
        if (tensor->dtype == SAFETENSORS_F64) {
            memcpy(&number, in + i * sizeof number, sizeof number);
            out[i] = (float)number;
        } else {
            memcpy(&half, in + i * sizeof half, sizeof half);
            out[i] =
                tensor->dtype == SAFETENSORS_F16 ? foreign_from_f16(half) : foreign_from_bf16(half);
        }
    }
}

static bool convert_numbers(struct safetensors *file, const struct model *model,
                            char said[FOREIGN_SAID_SIZE], struct err *err)
{
    size_t floats = 0, tensors[SAFETENSORS_DTYPES] = {0};
    for (size_t i = 0; i < file->count; i++) {
        const struct safetensor *t = &file->tensors[i];
        if (is_other_float(model, t))
            floats += safetensors_bytes(t) / element_bytes(t->dtype);
    }
    if (floats == 0)
        return true;
    float *next = file->converted = malloc(floats * sizeof(float));
    if (next == NULL)
        return err_set_errno(err, ENOMEM, "%s: %zu numbers", file->path, floats);
    for (size_t i = 0; i < file->count; i++) {
        struct safetensor *t = &file->tensors[i];
        if (!is_other_float(model, t))
            continue;
        const size_t count = safetensors_bytes(t) / element_bytes(t->dtype);
        convert(next, t, count);
        tensors[t->dtype]++;
        t->dtype = SAFETENSORS_F32;
        t->data = next;
        next += count;
    }
    for (int dtype = 0; dtype < SAFETENSORS_DTYPES; dtype++) {
        if (tensors[dtype] > 0)
            say(said, "%s%zu tensor%s of %s made F32", said[0] == '\0' ? "" : ", ", tensors[dtype],
                tensors[dtype] == 1 ? "" : "s",
                safetensors_dtype_name((enum safetensors_dtype)dtype));
    }
    return true;
}

bool foreign_adapt(struct safetensors *file, const struct model *model,
                   char said[FOREIGN_SAID_SIZE], struct err *err)
{
    said[0] = '\0';
    strip_prefixes(file, model, said);
    return convert_numbers(file, model, said, err);
}

/* -- What fits --------------------------------------------------------------------------------- */

enum { LISTED = 10 };

/* Lists a tensor that is not taken, as long as there are few. */
static void leave(char said[FOREIGN_SAID_SIZE], int *left, const char *name, const char *why)
{
    if (++*left <= LISTED)
        say(said, "\n  %.80s: %s", name, why);
}

bool foreign_load(const struct safetensors *file, struct run *run, char said[FOREIGN_SAID_SIZE],
                  struct err *err)
{
    const struct model *model = run->model;
    char list[FOREIGN_SAID_SIZE] = "";
    int taken = 0, left = 0;
    for (int i = 0; i < model->param_count; i++) {
        const struct param *param = &model->params[i];
        const struct safetensor wanted = checkpoint_tensor(param);
        const struct safetensor *found = safetensors_find(file, param->name);
        struct err mismatch = {0};
        char why[256], is[100], expected[100];
        if (found == NULL) {
            leave(list, &left, param->name, "not in the file: begins anew");
        } else if (!safetensors_check(file, found, wanted.dtype, wanted.rank, wanted.shape,
                                      &mismatch)) {
            snprintf(why, sizeof why, "%s in the file, %s here: begins anew",
                     safetensors_describe(is, sizeof is, found),
                     safetensors_describe(expected, sizeof expected, &wanted));
            leave(list, &left, param->name, why);
        } else if (checkpoint_load_param(file, run, i, err)) {
            taken++;
        } else {
            return false;
        }
    }
    for (size_t i = 0; i < file->count; i++) {
        if (!checkpoint_knows(model, file->tensors[i].name))
            leave(list, &left, file->tensors[i].name, "not in this network: passed over");
    }
    if (taken == 0)
        return err_set_code(
            err, EXIT_DATA,
            "%s: none of its tensors fits: expected parameters of network %s:%.700s", file->path,
            model->name, list);
    say(said, "%s%d of %d parameters taken", said[0] == '\0' ? "" : ", ", taken,
        model->param_count);
    say(said, "%s%s", left > 0 ? ":" : "", list);
    if (left > LISTED)
        say(said, "\n  and %d more", left - LISTED);
    run_pack(run);
    return true;
}
