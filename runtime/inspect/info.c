/* info.c - one line a layer: output shape, parameters, direct MFLOP an image, forward kernel. */
#include "inspect/info.h"

#include <stdio.h>
#include <string.h>

#include "ref/ref.h"
#include "sys/lines.h"
#include "sys/options.h"

enum { SHAPE_SIZE = 48 };

static const char *norm_name(enum norm_kind norm, bool over_image)
{
    if (over_image)
        return norm == NORM_RMS ? "image RMS norm" : "image layer norm";
    static const char *const names[] = {[NORM_BATCH] = "batch norm",
                                        [NORM_GROUP] = "group norm",
                                        [NORM_LAYER] = "layer norm",
                                        [NORM_RMS] = "RMS norm"};
    return names[norm];
}

const char *info_op_name(const struct layer *layer)
{
    switch (layer->op) {
    case LAYER_INPUT:
        return "input";
    case LAYER_CONV:
        return "conv";
    case LAYER_RELU:
        return "relu";
    case LAYER_ACTIVATION:
        return ref_activation_name(layer->activation);
    case LAYER_NORM:
        return norm_name(layer->norm, layer->over_image);
    case LAYER_DROPOUT:
        return layer->unit == DROP_CHANNELS ? "dropout of channels"
               : layer->unit == DROP_IMAGES ? "dropout of images"
                                            : "dropout";
    case LAYER_MAXPOOL:
        return "maxpool";
    case LAYER_AVGPOOL:
        return "avgpool";
    case LAYER_GLOBAL_AVGPOOL:
        return "global avgpool";
    case LAYER_GLOBAL_MAXPOOL:
        return "global maxpool";
    case LAYER_ADD:
        return "add";
    case LAYER_MUL:
        return "mul";
    case LAYER_CONCAT:
        return "concat";
    case LAYER_PAD_CHANNELS:
        return "pad_channels";
    case LAYER_LINEAR:
        return "linear";
    case LAYER_SOFTMAX_CROSS_ENTROPY:
        return "loss";
    }
    return "?";
}

/* Whether a blank-separated list names a layer. */
static bool names(const char *list, const char *layer)
{
    size_t length = strlen(layer);
    for (const char *at = list; (at = strstr(at, layer)) != NULL; at += length) {
        bool begins = at == list || at[-1] == ' ';
        if (begins && (at[length] == '\0' || at[length] == ' '))
            return true;
    }
    return false;
}

static const char *forward_kernel(const struct model *model, const char *layer)
{
    for (int i = 0; i < model->kernel_count; i++) {
        const struct kernel *kernel = &model->kernels[i];
        if (kernel->pass == PASS_FWD && names(kernel->layer, layer))
            return kernel->name;
    }
    return "";
}

size_t info_parameters(const struct model *model, const struct layer *layer)
{
    size_t count = layer->weight >= 0 ? model->params[layer->weight].count : 0;
    return count + (layer->bias >= 0 ? model->params[layer->bias].count : 0);
}

static void print_table(const struct model *model)
{
    double mflop = 0.0;
    lines_print(stdout, "", "network %s, norm %s, %s, %zu parameters, batch %d\n", model->name,
                model->norm, model->isa, model->param_floats, model->recipe->batch);
    lines_print(stdout, "", "%-16s  %-14s  %-12s  %10s  %8s  %s", "layer", "kind", "output",
                "parameters", "MFLOP", "forward kernel");
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        char shape[SHAPE_SIZE];
        snprintf(shape, sizeof shape, "%dx%dx%d", layer->c, layer->h, layer->w);
        lines_print(stdout, "", "%-16s  %-14s  %-12s  %10zu  %8.3f  %s", layer->name,
                    info_op_name(layer), shape, info_parameters(model, layer), layer->mflop,
                    forward_kernel(model, layer->name));
        mflop += layer->mflop;
    }
    lines_print(stdout, "", "%-16s  %-14s  %-12s  %10zu  %8.3f  an image, forward", "total", "", "",
                model->param_floats, mflop);
}

bool info_main(const struct model *model, const char *program, int argc, char **argv,
               struct err *err)
{
    uint64_t given = 0;
    if (!options_parse(NULL, 0, argc, argv, &given, err))
        return false;
    if (given >> OPTIONS_HELP & 1) {
        lines_print(stdout, "", "usage: %s info\n\nPrints the layers of the network.\n", program);
        options_help(stdout, NULL, 0);
    } else {
        print_table(model);
    }
    return true;
}
