/* model.h - what a generated program tells the runtime about its network.
 *
 * A generated file defines one `const struct model`: the layers as a graph, the parameters, the
 * training recipe, a table of its kernels, and the backend that trains with them. The runtime
 * trains any model through this table and knows no network. All arrays are constant and live for
 * the whole program.
 *
 * Numbers are of the type `real`: float, but in programs for checks of gradients (real.h).
 *
 * Parameters live in one vector of floats in PyTorch's layouts (conv O,I,kh,kw; linear O,I), each
 * at its own offset: the canonical layout. Kernels read packed copies, which the backend makes.
 */
#ifndef BURIN_MODEL_H
#define BURIN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "real.h"

/* A batch is cut into at most this many chunks of whole images, or as many as its recipe says, up
 * to the second. Every sum over images is made per chunk in order, then over chunks by tree_sum, so
 * that results depend on the number of chunks and on no number of threads or processes. */
enum { MODEL_CHUNKS = 16, MODEL_MOST_CHUNKS = 256 };

/* The most layers that one layer reads. */
enum { MODEL_INPUTS = 64 };

/* -- Layers ------------------------------------------------------------------------------------ */

enum layer_op {
    LAYER_INPUT,
    LAYER_CONV,
    LAYER_RELU,
    LAYER_ACTIVATION, /* any other: see enum activation */
    LAYER_NORM,
    LAYER_DROPOUT,
    LAYER_MAXPOOL,
    LAYER_AVGPOOL,
    LAYER_GLOBAL_AVGPOOL,
    LAYER_GLOBAL_MAXPOOL,
    LAYER_ADD,
    LAYER_MUL,
    LAYER_CONCAT,
    LAYER_PAD_CHANNELS,
    LAYER_LINEAR,
    LAYER_SOFTMAX_CROSS_ENTROPY
};

/* A function of one value; ref_activation.c has the formulas. ReLU is an operation of its own,
 * which others take over. */
enum activation {
    ACT_NONE,
    ACT_RELU6,
    ACT_LEAKY_RELU,
    ACT_HARD_SWISH,
    ACT_SILU,
    ACT_GELU,
    ACT_GELU_TANH,
    ACT_SIGMOID,
    ACT_TANH
};

/* What a dropout drops or keeps as one: a value, a channel of an image, an image. */
enum drop_unit { DROP_VALUES, DROP_CHANNELS, DROP_IMAGES };

enum norm_kind {
    NORM_BATCH,
    NORM_GROUP, /* layer norm over an image has one group, instance norm one a channel */
    NORM_LAYER, /* over the channels of each pixel, or over the image with a weight an element */
    NORM_RMS    /* likewise, without mean and bias */
};

/* How a window moves along one side of an image: output p reads the inputs p * stride - padding +
 * tap * dilation for tap = 0 .. taps - 1, zeros where these are outside. Pools have no dilation but
 * 1. */
struct axis {
    int taps, stride, padding, dilation;
};

struct geometry {
    struct axis h, w;
};

/* One node of the graph, in topological order; layers[0] is the input. */
struct layer {
    enum layer_op op;
    const char *name;
    int inputs[MODEL_INPUTS + 1]; /* indices of earlier layers, and -1 behind the last */
    int c, h, w;                  /* output shape */
    struct geometry geometry;     /* conv and pools */
    enum norm_kind norm;
    bool over_image; /* layer and RMS norm: one set an image; weight and bias [c][h][w] */
    int groups;      /* conv and group norm: of channels; 0 is 1 */
    int ghost;       /* batch norm: images of one statistic in training, 0 the whole batch */
    real eps;
    real momentum;       /* batch norm: weight of the newest batch in the running statistics */
    real p;              /* dropout: probability of dropping */
    enum drop_unit unit; /* dropout */
    enum activation activation;
    real slope;  /* leaky ReLU: of negative values */
    int first;   /* pad_channels: the channel that the first one of its input becomes */
    bool frozen; /* its parameters stay as they are, and a batch norm applies its running statistics
                    in training, too, and does not move them */
    int weight;  /* index into params, -1 where there is none */
    int bias;
    int state;    /* batch norm: index of running_mean in states; running_var follows; else -1 */
    double mflop; /* forward, one image, direct algorithm; a multiply-add counts two */
};

/* How many layers a layer reads. */
static inline int layer_inputs(const struct layer *l)
{
    int count = 0;
    while (l->inputs[count] >= 0)
        count++;
    return count;
}

enum param_init { INIT_FAN_IN, INIT_ONE, INIT_ZERO }; /* FAN_IN: uniform in +-1/sqrt(fan_in) */

struct param {
    const char *name; /* as PyTorch calls it: "conv1.weight" */
    int rank;
    int shape[4];
    size_t offset; /* in floats, in the canonical vector */
    size_t count;
    enum param_init init;
    int fan_in;
    bool decays; /* weight decay applies */
};

struct state {
    const char *name; /* "norm1.running_mean" */
    size_t offset;    /* in floats, in the vector of states */
    size_t count;
    real init;
};

/* -- Recipe ------------------------------------------------------------------------------------ */

enum optimizer { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_LION, OPTIMIZER_MUON };
enum lr_schedule {
    LR_CONSTANT,
    LR_STEP,
    LR_ONECYCLE,
    LR_COSINE,
    LR_MULTISTEP,
    LR_EXPONENTIAL,
    LR_LINEAR,
    LR_PLATEAU
};
enum crop_border { CROP_REFLECT, CROP_ZERO };
enum flip_mode { FLIP_NONE, FLIP_RANDOM, FLIP_ALTERNATING };

/* What a parameter is to a recipe. The head are the weights of the last layer that has any; biases
 * are whatever is added, the shifts of norms included. */
enum param_kind { PARAM_WEIGHT, PARAM_HEAD, PARAM_NORM, PARAM_BIAS, PARAM_KINDS };

enum { RECIPE_MILESTONES = 16 };

/* In all that came after the first programs, 0 is off. */
struct recipe {
    int batch;
    int epochs;
    real lr; /* the peak of the schedule */
    real momentum;
    real weight_decay;
    bool nesterov;
    real label_smoothing;
    enum lr_schedule schedule;
    int step_epochs; /* LR_STEP: epochs between two drops */
    real step_gamma; /* factor of a drop, where the rate drops */
    real warmup;     /* LR_ONECYCLE: part of all steps spent rising, 0 .. 1 */
    real start_div;  /* LR_ONECYCLE: lr / start_div is the first rate */
    real final_div;  /* LR_ONECYCLE, LR_COSINE, LR_LINEAR: lr / final_div is the last rate */
    int crop;        /* pixels of border for the random crop, 0 none */
    enum flip_mode flip;
    int cutout; /* side of the square set to the mean, 0 none */

    int milestones[RECIPE_MILESTONES]; /* LR_MULTISTEP: epochs of drops, rising; 0 ends the list */
    int patience;                      /* LR_PLATEAU: epochs that are let pass before a drop */
    real warmup_epochs;                /* in front of any but LR_ONECYCLE */
    real warmup_div;                   /* lr / warmup_div is the first rate of these */

    enum crop_border crop_border;
    bool flip_vertical; /* images are turned upside down at random */
    real rotate;        /* largest angle of a rotation, in degrees */
    real brightness;    /* largest change of the factor of brightness */
    real contrast;      /* the same of contrast */
    real mixup;         /* parameter of the beta distribution of mixup */
    int plain_epochs;   /* the last epochs, which see images as they are */

    /* The update: optim.h. */
    enum optimizer optimizer;
    real beta1, beta2, eps;  /* Adam, AdamW; Lion without eps; Muon with AdamW for the others */
    enum optimizer others;   /* Muon: of all but the weights, SGD or AdamW */
    real others_lr;          /* Muon: their learning rate, beside lr */
    int newton_schulz;       /* Muon: steps of the iteration */
    bool renormalize;        /* Muon: a filter bank keeps its norm */
    real clip;               /* largest norm of all gradients together; 0: any */
    real ema;                /* part of the average parameters that stays in a step; 0: none */
    real ema_start;          /* part of all steps after which the average begins */
    int ema_batches;         /* batches of which its statistics are estimated; 0: averaged, too */
    int chunks;              /* of a batch, at most; 0: MODEL_CHUNKS */
    bool factors;            /* rate and decay hold; else every factor is 1 */
    real rate[PARAM_KINDS];  /* times the learning rate */
    real decay[PARAM_KINDS]; /* times weight_decay */
};

/* -- Kernels ----------------------------------------------------------------------------------- */

/* An image tensor as kernels see it: h x w pixels of `pitch` floats (the first c of them the
 * channels, the rest zero), with `border` zero pixels on all four sides inside the buffer. The
 * pointer of a tensor points at the first float of its border. */
struct layout {
    int c, h, w;
    int pitch;
    int border;
};

enum kernel_op {
    KERNEL_CONV,
    KERNEL_LINEAR,
    KERNEL_POINTWISE,
    KERNEL_MAXPOOL,
    KERNEL_AVGPOOL, /* also the global one: its window is the image */
    KERNEL_GLOBAL_MAXPOOL,
    KERNEL_ADD,
    KERNEL_MUL,
    KERNEL_CONCAT, /* one of the values that lie side by side in another */
    KERNEL_PAD_CHANNELS,
    KERNEL_SUMS,    /* the sums of a norm that no convolution's epilogue gathers */
    KERNEL_SET_NORM /* a norm that makes its statistics itself */
};

/* Whether a norm's kernels make the statistics of a set, a pixel or an image, themselves. */
static inline bool norm_is_set_norm(enum norm_kind norm)
{
    return norm == NORM_LAYER || norm == NORM_RMS;
}

/* fwd, bwd_data and bwd_weights are what a bench reports; reduce is the first half of a
 * normalization's backward pass. */
enum kernel_pass { PASS_FWD, PASS_BWD_DATA, PASS_BWD_WEIGHTS, PASS_BWD_REDUCE };

/* Memory that a kernel fetches into cache on the side; the generated program defines it. */
struct ahead;

/* The arguments of any kernel, for a micro-batch of n images, 1 <= n <= images of struct kernel;
 * each uses what its operation and pass need. The images of a tensor lie one after another,
 * layout_floats apart.
 *
 * CONV and LINEAR (LINEAR flattens x in C,H,W order into features):
 *   fwd          y = act(x * w + bias); with stats also sums as below, of y
 *   bwd_data     dx = (or += if adds) dy * w transposed
 *   bwd_weights  dw += x correlated with dy; with bias db[k] += sum dy
 * POINTWISE, normalization applied as a scale and shift a channel, then ReLU or another
 * activation, then dropout, each where present:
 *   fwd          y = drop(act(a*(x - m) + b)), coef = a, b, m [pitch]; without affine drop(act(x))
 *   bwd_reduce   g = dy times the dropout's factor and the slope of act; sums = sum g, sum g*(x -
 * m) [pitch] bwd_data     dx = (or += if adds) [x > 0 if masks_x] * (A*g + B*(x - m) + D), dcoef =
 * A, B, D [pitch]; without affine dx = [x > 0 if masks_x] * g; dx may be the same buffer as dy
 * MAXPOOL: y from x, and with winners also winner = place in its window, row * window + column, of
 *   the first largest pixel; dx from winner, dy.
 * AVGPOOL: y from x; dx from dy. Divides by the taps of the window, padding included.
 * GLOBAL_MAXPOOL: y from x, and with winners also place = the first largest pixel of each channel,
 *   row * columns + column; dx from place, dy.
 * SUMS: fwd sums as below, of x.
 * ADD: y = act(x + x2); bwd_data dx = (or += if adds) [y > 0 if relu] * dy.
 * MUL: y = x * x2, where x2 may be one pixel, a factor for each channel; bwd_data dx = (or += if
 *   adds) dy * x2, the other factor, summed over the pixels where dx is one of them.
 * CONCAT: channels `first` .. first + c(x) - 1 of y = x, and of the last such x the pad lanes of
 *   y = 0; bwd_data dx = (or += if adds) these channels of dy.
 * PAD_CHANNELS: the same, and all other channels of y = 0.
 * SET_NORM, with x^ = (x - mean) / sqrt(variance + eps) over the channels of each pixel, or with
 *   NORM_RMS x / sqrt(mean of x * x + eps); with over_image over the image, and w, bias, dw and db
 *   have a number for each of its elements:
 *   fwd          y = w * x^ + bias; with NORM_RMS w * x^
 *   bwd_data     dx = (or += if adds) [x > 0 if masks_x] * the gradient through x^ of w * dy;
 *                dx and dy may be one buffer
 *   bwd_weights  dw += sum of dy * x^; but for NORM_RMS db += sum of dy
 *
 * Forward sums of v are s, sum v - s, sum (v - s)^2 [pitch], where s is v at the first pixel: sums
 * of v and v*v would lose the variance of channels whose mean is far above their deviation. All
 * sums are set, those of one image after the other. Coefficients are those of all images of the
 * micro-batch, or with each_image one after another for every image. Pad lanes (channels c ..
 * pitch-1) of every output but winner and place are zero when those of all inputs are, those of
 * coefficients, too, as tests give them. In a step those of coefficients hold what lay there
 * before, so those of images may hold anything: what goes across channels takes the first c. */
struct kernel_args {
    real *y;
    real *dx;
    real *dw;      /* packed as unpack expects it; SET_NORM of pixels: [pitch of y] */
    real *db;      /* [pitch of y]; SET_NORM over_image: packed as dw */
    real *sums;    /* [n][kernel_sum_rows][pitch] */
    real *scratch; /* scratch_floats of the kernel */
    const real *x;
    const real *x2;
    const real *yin; /* ADD bwd_data: the forward result */
    const real *dy;
    const real *w;       /* packed by pack; SET_NORM of pixels: [pitch of y] */
    const real *bias;    /* [pitch of y]; SET_NORM over_image: packed as w */
    const real *coef;    /* [KERNEL_COEF_ROWS][pitch], each_image: one for each of n */
    const real *dcoef;   /* [KERNEL_DCOEF_ROWS][pitch], likewise */
    uint8_t *winner;     /* MAXPOOL: [n][h][w][pitch] of y, no border; an output forward */
    real *place;         /* GLOBAL_MAXPOOL: [n][pitch of y], whole numbers; an output forward */
    const uint8_t *keep; /* dropout: [n][kernel_keep_bytes], bit p % 8 of byte p / 8 set where
                            position p (see rng.h) is kept, but for DROP_VALUES those of one
                            pixel, for all; NULL drops and scales nothing */
    struct ahead *ahead; /* or NULL */
    int n;
};

/* A kernel reads the first three rows of coef; the other two are for who computes the gradient. */
enum { KERNEL_COEF_ROWS = 5, KERNEL_DCOEF_ROWS = 3 };

/* A kernel whatever its parameters: `run` of its row casts it back. */
typedef void kernel_function(void);

struct kernel {
    const char *name; /* of the C function */
    kernel_function *function;
    void (*run)(kernel_function *kernel, const struct kernel_args *args); /* see kernel_run */
    const char *layer; /* the layer or layers it computes here: "conv2 relu2" */
    enum kernel_op op;
    enum kernel_pass pass;
    struct layout x, y;       /* input and output of the forward direction */
    struct layout x2;         /* ADD, MUL: the second input, the other factor */
    struct layout dx, dy;     /* gradients: same shapes, other borders */
    struct geometry geometry; /* CONV, MAXPOOL and AVGPOOL */
    int groups;               /* CONV: of channels, each convolved by itself; 0 is 1 */
    int first; /* CONCAT, PAD_CHANNELS: the channel of y that the first one of x is */
    bool bias, relu, stats, adds;
    bool affine;                /* POINTWISE */
    bool masks_x;               /* POINTWISE, SET_NORM */
    enum norm_kind norm;        /* SET_NORM */
    bool over_image;            /* SET_NORM: see struct layer */
    real eps;                   /* SET_NORM */
    bool winners;               /* MAXPOOL, GLOBAL_MAXPOOL fwd: notes them */
    bool each_image;            /* POINTWISE: coef and dcoef belong to one image each */
    real p;                     /* POINTWISE: dropout probability, 0 none */
    enum drop_unit unit;        /* POINTWISE: of its dropout */
    enum activation activation; /* POINTWISE: where relu is false */
    real slope;                 /* POINTWISE: of its leaky ReLU */
    bool exact;   /* on small integers every order of summation gives the same bits (direct) */
    bool in_bf16; /* CONV: what it multiplies is rounded to bf16, 8 bits of 24 */
    double mflop; /* one image, direct algorithm */
    int images;   /* the most it takes at once */
    size_t packed_floats, scratch_floats;
    /* CONV, LINEAR, SET_NORM over_image: of fwd and bwd_data, and of bwd_weights. */
    void (*pack)(real *packed, const real *canonical);
    void (*unpack)(real *canonical, const real *packed);
};

/* Calls a kernel with those of the arguments that it takes. */
static inline void kernel_run(const struct kernel *k, const struct kernel_args *args)
{
    k->run(k->function, args);
}

/* Rows of sums: those of values, or those of a gradient. */
static inline int kernel_sum_rows(const struct kernel *k)
{
    return k->pass == PASS_FWD ? 3 : 2;
}

static inline size_t layout_floats(const struct layout *l)
{
    return (size_t)(l->h + 2 * l->border) * (size_t)(l->w + 2 * l->border) * (size_t)l->pitch;
}

/* Bytes that tell what of an image is kept, in whole groups of 32 positions. */
static inline size_t kernel_keep_bytes(const struct kernel *k)
{
    const struct layout *l = &k->x;
    int pixels = k->unit == DROP_VALUES ? l->h * l->w : 1;
    return ((size_t)pixels * (size_t)((l->c + 15) / 16 * 16) + 31) / 32 * 4;
}

/* -- Tensors ----------------------------------------------------------------------------------- */

/* Where a backend keeps a tensor: in a block of each chunk of images, in one of each micro-batch of
 * images, in the thread's memory, or in that part of it which lasts for one micro-batch only. */
enum tensor_memory { TENSOR_CHUNK, TENSOR_MICRO_BATCH, TENSOR_THREAD, TENSOR_SCRATCH };

/* What a tensor is to its layer, as a message says it. */
static const char WHAT_Y[] = "its output";
static const char WHAT_DY[] = "the gradient of its output";
static const char WHAT_DW[] = "the gradient of its weight";
static const char WHAT_DB[] = "the gradient of its bias";
static const char WHAT_SUMS[] = "a sum of its input";
static const char WHAT_DSUMS[] = "a sum of its gradient";
static const char WHAT_TOTAL[] = "a sum over the batch";
static const char WHAT_COEF[] = "its scale or shift";
static const char WHAT_DCOEF[] = "the scale or shift of its gradient";

/* What a call of a training step has left in memory when its time is counted. */
struct tensor {
    int slot;
    const char *layer;
    const char *what; /* WHAT_Y */
    enum tensor_memory memory;
    size_t at;     /* offset in its block */
    size_t floats; /* of one image, or of the whole when it is not about images */
    int images;    /* of a micro-batch, one after another; 1 when it is not about images */
    size_t pitch;  /* the floats are rows of so many */
    size_t used;   /* the first so many of a row */
};

/* Those of a step, in the order of its calls, and the sizes of the blocks. The shared memory of a
 * run is that of the weights, then a block for each of model_most_chunks() chunks, then those of
 * the micro-batches; that of a thread is what lasts, then scratch. */
struct tensors {
    const struct tensor *list;
    int count;
    size_t weight_floats, chunk_floats, micro_batch_floats, thread_floats;
};

/* -- Backends ---------------------------------------------------------------------------------- */

struct err;
struct run;
struct model;

/* One way to compute a model: the generated kernels, or the generic ones. The last three functions
 * are called by every rank of the team at once (see run.h). */
struct backend {
    const char *name; /* "generated", "generic" */
    /* What it needs besides memory, asked for last when a run is opened; NULL: nothing. */
    bool (*open)(int threads, struct err *err);
    /* Floats of memory for a batch of at most recipe.batch images: one block shared by all
     * threads, one for each thread. Both are given zeroed and aligned to 64 bytes. */
    void (*measure)(const struct model *model, size_t *shared_floats, size_t *thread_floats);
    /* Makes packed weights from run->store.param. After open, load and any change from outside. */
    void (*pack)(struct run *run, int rank);
    /* Forward, loss, backward, update and pack for run->batch. Sets the loss and the hits of every
     * chunk of the batch, as eval does. */
    void (*train)(struct run *run, int rank);
    /* Forward in evaluation mode and loss; also fills run->logits when it is not NULL. */
    void (*eval)(struct run *run, int rank);
};

struct model {
    const char *name;   /* "s8" */
    const char *norm;   /* "bn", "gn", "ln", "in", "cn", "rms", "none", or "bn16": over 16 images */
    const char *isa;    /* as cpu.h has them: "avx2", "avx512+bf16" */
    const char *remake; /* command that makes this program for another ISA, to be followed by it:
                           "make gen NET=s8 NORM=bn ISA=" */
    const char *arithmetic; /* digest of the code that computes: the same gives the same bits */
    int c, h, w;
    int classes;
    const struct recipe *recipe;
    const struct layer *layers;
    int layer_count;
    const struct param *params;
    int param_count;
    size_t param_floats;
    /* [param_count]: kernels see a parameter standardized, with this added to its variance (see
     * train/standard.h), or 0: as it is. NULL: all of them. */
    const real *standardize;
    const struct state *states;
    int state_count;
    size_t state_floats;
    const struct kernel
        *kernels; /* one entry a layer and pass; equal shapes name the same function */
    int kernel_count;
    const struct tensors *tensors; /* of the backend, or NULL where nobody can look at them */
    const struct backend *backend;
    const char *description; /* the text that it was made of, or NULL */
};

/* Chunks that a batch is cut into at most, 1 .. MODEL_MOST_CHUNKS. */
static inline int model_most_chunks(const struct model *model)
{
    return model->recipe->chunks > 0 ? model->recipe->chunks : MODEL_CHUNKS;
}

#endif
