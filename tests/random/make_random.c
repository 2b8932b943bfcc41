/* make_random.c - writes the description of a random network, a pure function of its arguments:
 *
 *     make_random SEED [CUT...]
 *
 * Its first line is a comment with the NORM to generate it for. A network is a row of blocks, each
 * with random numbers of its own, so that one can be left out without changing the others; what a
 * block draws is made legal for the shape that it finds. The cuts make a failing network smaller:
 * b<i> leaves out block i, s halves the sides of the image, c the channels, n the batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

enum {
    MAX_BLOCKS = 5,
    MAX_SIDE = 40,
    MAX_CHANNELS = 70,
    MAX_BATCH = 90,
    MAX_PIXELS = 12000,      /* of a batch of input images */
    MAX_PRODUCTS = 20000000, /* multiply-adds of a layer for a batch */
    MAX_FEATURES = 3000,     /* inputs of a linear layer */
    MIN_SET = 8              /* values that share a mean: fewer have none to speak of */
};

struct net {
    uint64_t key;
    uint32_t drawn;
    int c, h, w; /* of the last layer */
    int batch;
    int halvings; /* of channels */
    int layers;   /* the last layer is called l<layers>; none: input */
    const char *norm;
};

/* 0 .. n-1 */
static int draw(struct net *net, int n)
{
    return (int)rng_below(net->key, net->drawn++, (uint32_t)n);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* 1 .. n, small ones more often. */
static int draw_small(struct net *net, int n)
{
    int a = draw(net, n), b = draw(net, n);
    return 1 + (draw(net, 3) > 0 ? smaller(a, b) : a);
}

static const char *layer_name(int layer)
{
    static char names[4][16];
    static int next;
    char *name = names[next++ % 4];
    if (layer == 0)
        strcpy(name, "input");
    else
        snprintf(name, sizeof names[0], "l%d", layer);
    return name;
}

/* Ends the call of a layer whose fields are written, and names it. */
static void end_layer(struct net *net)
{
    printf(", name = \"%s\" },\n", layer_name(++net->layers));
}

/* -- Layers ------------------------------------------------------------------------------------ */

/* How a window moves down or across. */
struct axis {
    int window, stride, padding, dilation;
};

/* The pixels from its first tap to its last. */
static int covers(struct axis axis)
{
    return (axis.window - 1) * axis.dilation + 1;
}

static int side(int in, struct axis axis)
{
    return (in + 2 * axis.padding - covers(axis)) / axis.stride + 1;
}

/* Two numbers of a field, or one where they are the same. */
static void print_sides(const char *name, int h, int w)
{
    if (h == w)
        printf("%s%d", name, h);
    else
        printf("%s{ %d, %d }", name, h, w);
}

/* After the window, whose field has another name in each kind. */
static void print_moves(struct axis h, struct axis w)
{
    print_sides(", stride = ", h.stride, w.stride);
    print_sides(", padding = ", h.padding, w.padding);
}

/* Groups of a convolution of `in` to `out` channels: often one, else as many as divide both, from
 * some number down. */
static int draw_groups(struct net *net, int in, int out)
{
    int groups = draw(net, 2) ? 1 : 1 + draw(net, smaller(in, out));
    groups = draw(net, 3) ? groups : smaller(in, out);
    while (in % groups != 0 || out % groups != 0)
        groups--;
    return groups;
}

/* from: the layer that it reads. */
static void add_conv(struct net *net, int channels, struct axis h, struct axis w, int from)
{
    printf("        conv { %d", channels);
    print_sides(", window = ", h.window, w.window);
    print_moves(h, w);
    if (h.dilation > 1 || w.dilation > 1)
        print_sides(", dilation = ", h.dilation, w.dilation);
    printf(", bias = %s", draw(net, 4) > 0 ? "true" : "false");
    int groups = draw_groups(net, net->c, channels);
    printf(", groups = %d", groups);
    if (draw(net, 4) == 0 && net->c / groups * h.window * w.window > 1)
        printf(", standardize = true");
    if (from != net->layers)
        printf(", from = \"%s\"", layer_name(from));
    end_layer(net);
    net->c = channels;
    net->h = side(net->h, h);
    net->w = side(net->w, w);
}

static void add_simple(struct net *net, const char *call)
{
    printf("        %s {", call);
    printf(" name = \"%s\" },\n", layer_name(++net->layers));
}

static void add_dropout(struct net *net)
{
    static const char *const units[] = {"values", "values", "channels", "images"};
    printf("        dropout { 0.%d, of = \"%s\"", draw(net, 7), units[draw(net, 4)]);
    end_layer(net);
}

/* With the layer before it. */
static void add_add(struct net *net, int other)
{
    printf("        add { \"%s\"", layer_name(other));
    end_layer(net);
}

/* Beside the layer before it, which has the height and width of the other. */
static void add_concat(struct net *net, int other, int other_channels)
{
    printf("        concat { \"%s\"", layer_name(other));
    end_layer(net);
    net->c += other_channels;
}

/* The layer before it between channels of zeros. */
static void add_pad_channels(struct net *net)
{
    int more = 1 + draw(net, 20), channels = net->c + more;
    printf("        pad_channels { %d", channels);
    if (draw(net, 2))
        printf(", before = %d", draw(net, more + 1));
    end_layer(net);
    net->c = channels;
}

static void add_norm(struct net *net)
{
    static const char *const kinds[] = {"bn", "gn", "ln", "in", "cn", "rms"};
    int follows = draw(net, 2), kind = draw(net, 6), groups = 1 + draw(net, net->c);
    const char *name = follows ? net->norm : kinds[kind];
    while (net->c % groups != 0)
        groups--;
    int pixels = net->h * net->w, set = pixels;
    bool batch = strcmp(name, "bn") == 0;
    int ghost = batch && pixels >= MIN_SET && net->layers % 2 ? 1 + (net->layers + net->c) % 9 : 0;
    while (ghost > 0 && net->batch % ghost != 0)
        ghost--;
    if (batch && ghost == 0)
        set = pixels * ((net->batch + 1) / 2); /* a batch may be partial */
    else if (strcmp(name, "gn") == 0)
        set = pixels * (net->c / groups);
    else if (strcmp(name, "ln") == 0)
        set = pixels * net->c;
    else if (strcmp(name, "cn") == 0 || strcmp(name, "rms") == 0)
        set = net->c;
    bool may = strcmp(name, "ln") == 0 || strcmp(name, "rms") == 0;
    bool elements = may && (net->layers + net->c) % 2 == 0; /* over the image */
    if ((elements ? pixels * net->c : set) < MIN_SET)
        return;
    printf("        norm { name = \"%s\"", layer_name(++net->layers));
    if (!follows)
        printf(", kind = \"%s\"", name);
    if (follows || strcmp(name, "gn") == 0)
        printf(", groups = %d", groups);
    if (elements)
        printf(", elements = true");
    if (ghost > 0)
        printf(", ghost = %d", ghost); /* in a partial batch, the last may be of one image */
    printf(" },\n");
}

static struct axis draw_pool(struct net *net, int in)
{
    int window = draw_small(net, 5), stride = 1 + draw(net, 4);
    int padding = draw(net, window / 2 + 1);
    return window > in + 2 * padding ? (struct axis){in, stride, 0, 1}
                                     : (struct axis){window, stride, padding, 1};
}

static void add_pool(struct net *net, const char *kind)
{
    struct axis h = draw_pool(net, smaller(net->h, net->w)), w = draw_pool(net, net->w);
    if (draw(net, 3) > 0)
        w = h;
    printf("        %s {", kind);
    print_sides(" ", h.window, w.window);
    print_moves(h, w);
    end_layer(net);
    net->h = side(net->h, h);
    net->w = side(net->w, w);
}

/* -- Blocks ------------------------------------------------------------------------------------ */

/* Output channels of a convolution to h x w pixels, no more than keep the test short. */
static int draw_channels(struct net *net, int taps, int h, int w)
{
    int channels = draw_small(net, MAX_CHANNELS) >> net->halvings;
    double each = (double)net->c * taps * h * w * net->batch;
    int most = (int)(MAX_PRODUCTS / each);
    channels = smaller(channels, most);
    return channels < 1 ? 1 : channels;
}

static int draw_window(struct net *net)
{
    int any = 1 + draw(net, 7), large = 8 + draw(net, 4);
    return draw(net, 2) ? 3 : draw(net, 6) > 0 ? any : large;
}

/* An activation, norm and dropout in any order, each perhaps. Half of the activations are ReLU. */
static void add_maps(struct net *net)
{
    static const char *const activations[] = {"relu", "relu6", "leaky_relu", "hard_swish",
                                              "silu", "gelu",  "sigmoid",    "tanh"};
    enum { ACTIVATIONS = sizeof activations / sizeof *activations };
    int first = draw(net, 3), step = 1 + draw(net, 2);
    for (int i = 0; i < 3; i++) {
        int skipped = draw(net, 3) == 0, kind = (first + i * step) % 3;
        uint32_t next = net->drawn + 8;
        if (!skipped && kind == 0)
            add_simple(net, activations[draw(net, 2) ? 0 : draw(net, ACTIVATIONS)]);
        else if (!skipped && kind == 1)
            add_norm(net);
        else if (!skipped && draw(net, 2))
            add_dropout(net);
        net->drawn = next;
    }
}

/* A window that fits `shorter` pixels, and makes few of `longer`. */
static struct axis draw_axis(struct net *net, int shorter, int longer)
{
    int window = draw_window(net), stride = draw(net, 4) == 0 ? 1 + draw(net, 4) : 1;
    int padding = draw(net, 2) ? window / 2 : draw(net, window);
    if (window > shorter + 2 * padding || longer + 2 * padding - window >= MAX_SIDE)
        padding = window / 2;
    struct axis axis = {window, stride, padding, 1 + draw(net, 4)};
    if (draw(net, 4) > 0 || window == 1)
        axis.dilation = 1;
    if (axis.dilation > 1)
        axis.padding = covers(axis) / 2;
    return axis;
}

/* One convolution in three is another down than across. */
static void conv_block(struct net *net)
{
    int shorter = smaller(net->h, net->w), longer = net->h + net->w - shorter;
    struct axis h = draw_axis(net, shorter, longer), w = draw_axis(net, net->w, net->w);
    if (draw(net, 3) > 0)
        w = h;
    int channels = draw_channels(net, h.window * w.window, side(net->h, h), side(net->w, w));
    add_conv(net, channels, h, w, net->layers);
    add_maps(net);
}

/* One that keeps the shape where the stride is 1. */
static struct axis same_axis(int window, int stride)
{
    return (struct axis){window, stride, window / 2, 1};
}

/* One or two convolutions that keep the shape, and a skip past them. */
static void skip_block(struct net *net)
{
    int entry = net->layers, channels = net->c;
    int window = 1 + 2 * draw(net, 4), count = 1 + draw(net, 2);
    if ((double)channels * channels * window * window * net->h * net->w * net->batch > MAX_PRODUCTS)
        count = 0;
    for (int i = 0; i < count; i++) {
        add_conv(net, channels, same_axis(window, 1), same_axis(window, 1), net->layers);
        add_maps(net);
    }
    if (count == 0)
        add_simple(net, "relu");
    add_add(net, entry);
    add_maps(net);
}

/* Two convolutions of one input, added. */
static void branch_block(struct net *net)
{
    int entry = net->layers, c = net->c, h = net->h, w = net->w;
    int window = 1 + 2 * draw(net, 3), stride = 1 + draw(net, 2);
    int channels = draw_channels(net, window * window, h, w);
    struct axis axis = same_axis(window, stride), pixel = same_axis(1, stride);
    add_conv(net, channels, axis, axis, net->layers);
    add_maps(net);
    int main_path = net->layers;
    net->c = c;
    net->h = h;
    net->w = w;
    add_conv(net, channels, pixel, pixel, entry);
    if (draw(net, 2))
        add_norm(net);
    add_add(net, main_path);
    add_maps(net);
}

/* Squeeze and excitation: a factor for each channel, made of its mean or maximum. */
static void gate_block(struct net *net)
{
    int entry = net->layers, c = net->c, h = net->h, w = net->w;
    add_simple(net, draw(net, 2) ? "global_avgpool" : "global_maxpool");
    net->h = net->w = 1;
    add_conv(net, c, same_axis(1, 1), same_axis(1, 1), net->layers);
    add_simple(net, draw(net, 2) ? "sigmoid" : "tanh");
    printf("        mul { \"%s\"", layer_name(entry));
    end_layer(net);
    net->h = h;
    net->w = w;
    add_maps(net);
}

/* A convolution beside what it reads. */
static void concat_block(struct net *net)
{
    int entry = net->layers, c = net->c, window = 1 + 2 * draw(net, 3);
    struct axis axis = same_axis(window, 1);
    add_conv(net, draw_channels(net, window * window, net->h, net->w), axis, axis, entry);
    add_maps(net);
    if (draw(net, 2))
        add_pad_channels(net);
    add_concat(net, entry, c);
    add_maps(net);
}

static void add_block(struct net *net)
{
    int kind = draw(net, 24);
    if (kind < 9)
        conv_block(net);
    else if (kind < 12)
        skip_block(net);
    else if (kind < 14)
        branch_block(net);
    else if (kind < 16)
        add_pool(net, "maxpool");
    else if (kind < 18)
        add_pool(net, "avgpool");
    else if (kind < 20)
        concat_block(net);
    else if (kind < 22)
        gate_block(net);
    else
        add_maps(net);
}

static void add_linear(struct net *net, int channels)
{
    printf("        linear { %d, bias = %s", channels, draw(net, 2) ? "true" : "false");
    end_layer(net);
    net->c = channels;
    net->h = net->w = 1;
}

static void add_end(struct net *net, int classes)
{
    int kind = draw(net, 5);
    if (net->c * net->h * net->w > MAX_FEATURES)
        kind = 0;
    if (kind == 1) {
        add_linear(net, 1 + draw(net, MAX_CHANNELS));
        add_maps(net);
    } else if (kind == 2) {
        add_conv(net, classes, same_axis(1, 1), same_axis(1, 1), net->layers);
    }
    if (kind == 0 || kind == 2) {
        add_simple(net, "global_avgpool");
        net->h = net->w = 1;
    }
    if (kind != 2)
        add_linear(net, classes);
    printf("        softmax_cross_entropy(),\n");
}

/* -- The network ------------------------------------------------------------------------------- */

static void write_network(uint64_t seed, int count, char **cuts)
{
    static const char *const norms[] = {"bn", "gn", "ln", "in", "cn", "rms", "none"};
    struct net net = {.key = rng_key(seed, 0, 0, 0)};
    int left_out[MAX_BLOCKS] = {0}, side_halvings = 0, batch_halvings = 0;
    for (int i = 0; i < count; i++) {
        if (cuts[i][0] == 'b' && atoi(cuts[i] + 1) >= 0 && atoi(cuts[i] + 1) < MAX_BLOCKS)
            left_out[atoi(cuts[i] + 1)] = 1;
        side_halvings += strcmp(cuts[i], "s") == 0;
        net.halvings += strcmp(cuts[i], "c") == 0;
        batch_halvings += strcmp(cuts[i], "n") == 0;
    }
    net.norm = norms[draw(&net, 7)];
    net.c = 1 + (draw(&net, 3) > 0 ? draw(&net, 4) : draw(&net, MAX_CHANNELS) >> net.halvings);
    net.h = 1 + (draw_small(&net, MAX_SIDE) - 1) / (1 << side_halvings);
    net.w = 1 + (draw_small(&net, MAX_SIDE) - 1) / (1 << side_halvings);
    net.batch = 1 + draw(&net, MAX_BATCH);
    net.batch = smaller(net.batch, 1 + MAX_PIXELS / (net.h * net.w));
    net.batch = 1 + (net.batch - 1) / (1 << batch_halvings);
    int classes = 2 + draw_small(&net, 20), blocks = 1 + draw(&net, MAX_BLOCKS);
    printf("-- NORM=%s\n", net.norm);
    printf("return network {\n    name = \"random\",\n    input = { %d, %d, %d },\n", net.c, net.h,
           net.w);
    printf("    classes = %d,\n    recipe = {\n        batch = %d, label_smoothing = 0.%d,\n",
           classes, net.batch, draw(&net, 3));
    printf(
        "        optimizer = sgd { lr = 0.05, momentum = 0.9, weight_decay = 0.01%s },\n    },\n",
        draw(&net, 2) ? ", nesterov = true" : "");
    printf("    layers = {\n");
    for (int i = 0; i < blocks; i++) {
        net.key = rng_key(seed, 0, (uint32_t)i + 1, 0);
        net.drawn = 0;
        if (!left_out[i])
            add_block(&net);
    }
    net.key = rng_key(seed, 1, 0, 0);
    net.drawn = 0;
    add_end(&net, classes);
    printf("    },\n}\n");
}

int main(int argc, char **argv)
{
    char *end = NULL;
    uint64_t seed = argc > 1 ? strtoull(argv[1], &end, 10) : 0;
    if (argc < 2 || *argv[1] == '\0' || *end != '\0') {
        fprintf(stderr, "usage: make_random SEED [CUT...]\n");
        return 2;
    }
    write_network(seed, argc - 2, argv + 2);
    return fflush(stdout) == 0 ? 0 : 1;
}
