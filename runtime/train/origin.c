/* origin.c - the layers as text, so that a difference can be shown and not only found.
 *
 * Every field of struct layer that computes something is in its line, and a parameter's line says
 * whether it decays: the recipe decides the rest, and a checkpoint brings that along.
 */
#include "train/origin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/info.h"

/* -- Layers ------------------------------------------------------------------------------------ */

enum { LINE_SIZE = 1024 }; /* three names of 200 characters, and the fields */

static void append(char line[LINE_SIZE], const char *fmt, ...) BURIN_PRINTF(2, 3);

static void append(char line[LINE_SIZE], const char *fmt, ...)
{
    size_t used = strlen(line);
    va_list args;
    va_start(args, fmt);
    vsnprintf(line + used, LINE_SIZE - used, fmt, args);
    va_end(args);
}

static void append_int(char line[LINE_SIZE], const char *name, int value)
{
    if (value != 0)
        append(line, ", %s %d", name, value);
}

/* "3" of both sides, or "3x1". */
static void append_sides(char line[LINE_SIZE], const char *name, int h, int w)
{
    if (h == w)
        append_int(line, name, h);
    else
        append(line, ", %s %dx%d", name, h, w);
}

static void append_float(char line[LINE_SIZE], const char *name, float value)
{
    char text[32];
    if (value > 0.0f || value < 0.0f)
        append(line, ", %s %s", name, settings_float_text(value, text, sizeof text));
}

/* "norm1: group norm of relu1, 16x32x32, groups 4, eps 1e-05" */
static void layer_line(const struct model *model, const struct layer *l, char line[LINE_SIZE])
{
    snprintf(line, LINE_SIZE, "%s: %s", l->name, info_op_name(l));
    for (int i = 0; i < layer_inputs(l); i++)
        append(line, "%s%s", i == 0 ? " of " : " and ", model->layers[l->inputs[i]].name);
    append(line, ", %dx%dx%d", l->c, l->h, l->w);
    append_sides(line, "window", l->geometry.h.taps, l->geometry.w.taps);
    append_sides(line, "stride", l->geometry.h.stride, l->geometry.w.stride);
    append_sides(line, "padding", l->geometry.h.padding, l->geometry.w.padding);
    if (l->geometry.h.dilation > 1 || l->geometry.w.dilation > 1)
        append_sides(line, "dilation", l->geometry.h.dilation, l->geometry.w.dilation);
    append_int(line, "groups", l->groups);
    append_int(line, "ghost", l->ghost);
    append_float(line, "eps", l->eps);
    append_float(line, "momentum", l->momentum);
    append_float(line, "p", l->p);
    append_float(line, "slope", l->slope);
    if (l->weight >= 0 && model->standardize != NULL && model->standardize[l->weight] > 0)
        append(line, ", standardized");
    append(line, "%s\n", l->bias >= 0 ? ", bias" : "");
}

static void param_line(const struct param *param, char line[LINE_SIZE])
{
    snprintf(line, LINE_SIZE, "%s: %s weight decay\n", param->name,
             param->decays ? "with" : "without");
}

static char *describe_layers(const struct model *model)
{
    char line[LINE_SIZE];
    const int layers = model->layer_count, lines = layers + model->param_count;
    char *text = malloc((size_t)lines * LINE_SIZE + 1), *end = text;
    for (int i = 0; text != NULL && i < lines; i++) {
        if (i < layers)
            layer_line(model, &model->layers[i], line);
        else
            param_line(&model->params[i - layers], line);
        size_t length = strlen(line);
        memcpy(end, line, length + 1);
        end += length;
    }
    return text;
}

/* -- Opening ----------------------------------------------------------------------------------- */

bool origin_open(struct origin *origin, const struct model *model, const struct settings *settings,
                 const struct data *train, const struct data *test, struct err *err)
{
    *origin = (struct origin){.layers = describe_layers(model)};
    if (origin->layers == NULL)
        return err_set_errno(err, ENOMEM, "layers");
    /* How a batch is cut into chunks follows from what memory was planned for. */
    char planned[64] = "";
    if (settings->recipe.batch != model->recipe->batch)
        snprintf(planned, sizeof planned, ", planned for %d", model->recipe->batch);
    if (model->recipe->chunks > 0) {
        const size_t used = strlen(planned);
        snprintf(planned + used, sizeof planned - used, ", %d chunks", model->recipe->chunks);
    }
    if (settings->backend == BACKEND_GENERIC)
        snprintf(origin->kernels, sizeof origin->kernels, "generic%s", planned);
    else
        snprintf(origin->kernels, sizeof origin->kernels, "%s %s%s", model->isa,
                 model->arithmetic != NULL ? model->arithmetic : "", planned);
    memcpy(origin->train, train->digest, sizeof origin->train);
    memcpy(origin->test, test->digest, sizeof origin->test);
    snprintf(origin->validate, sizeof origin->validate, "%d", settings->validate);
    const struct safetensors_meta metas[ORIGIN_METAS] = {
        {"layers", origin->layers},
        {"kernels", origin->kernels},
        {"train_data", origin->train},
        {"test_data", origin->test},
    };
    memcpy(origin->metas, metas, sizeof metas);
    return true;
}

void origin_close(struct origin *origin)
{
    free(origin->layers);
    *origin = (struct origin){.layers = NULL};
}

/* -- Comparing --------------------------------------------------------------------------------- */

static void differ(char out[ORIGIN_DIFFERENCES_SIZE], const char *fmt, ...) BURIN_PRINTF(2, 3);

static void differ(char out[ORIGIN_DIFFERENCES_SIZE], const char *fmt, ...)
{
    size_t used = strlen(out);
    int length = snprintf(out + used, ORIGIN_DIFFERENCES_SIZE - used, "\n  ");
    used += (size_t)length < ORIGIN_DIFFERENCES_SIZE - used ? (size_t)length : 0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(out + used, ORIGIN_DIFFERENCES_SIZE - used, fmt, args);
    va_end(args);
}

static int line_length(const char *text)
{
    enum { SHOWN = 150 };
    size_t length = strcspn(text, "\n");
    return length < SHOWN ? (int)length : SHOWN;
}

/* Shows the first line that is another one. */
static void compare_layers(const char *mine, const char *was, char out[ORIGIN_DIFFERENCES_SIZE])
{
    while (*mine != '\0' && *was != '\0') {
        size_t a = strcspn(mine, "\n"), b = strcspn(was, "\n");
        if (a != b || memcmp(mine, was, a) != 0)
            break;
        mine += a + (mine[a] == '\n');
        was += b + (was[b] == '\n');
    }
    if (*mine != '\0' || *was != '\0')
        differ(out, "layers: \"%.*s\": here \"%.*s\"", line_length(was), was, line_length(mine),
               mine);
}

static void compare_value(const char *what, const char *mine, const char *was,
                          char out[ORIGIN_DIFFERENCES_SIZE])
{
    enum { SHOWN = 32 }; /* of a digest */
    if (strcmp(mine, was) != 0)
        differ(out, "%s %.*s: here %.*s", what, SHOWN, was, SHOWN, mine);
}

void origin_compare(const struct origin *origin, const struct safetensors *file, bool kernels,
                    char differences[ORIGIN_DIFFERENCES_SIZE])
{
    const char *was[ORIGIN_METAS];
    const char *validate = safetensors_meta(file, "validate");
    bool same_part = validate != NULL && strcmp(validate, origin->validate) == 0;
    differences[0] = '\0';
    for (int i = 0; i < ORIGIN_METAS; i++) {
        was[i] = safetensors_meta(file, origin->metas[i].key);
        if (was[i] == NULL) {
            differ(differences, "nobody knows: no metadata \"%s\", as an earlier version saved",
                   origin->metas[i].key);
            return;
        }
    }
    compare_layers(origin->layers, was[0], differences);
    if (kernels)
        compare_value("kernels", origin->kernels, was[1], differences);
    compare_value("training images", origin->train, was[2], differences);
    if (!same_part)
        differ(differences, "--validate %s: here %s", validate == NULL ? "missing" : validate,
               origin->validate);
    else
        compare_value("test images", origin->test, was[3], differences);
}
