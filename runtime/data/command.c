/* command.c - the program burin-data, which `burin data` starts: what lies at a path.
 *
 * It looks, and reads no more than that needs. With --for it says whether a network takes what is
 * there, before anything is compiled: `make train` asks so. The words behind -- are those of
 * `train`, of which it takes what says how to read, and whether test images are needed.
 */
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"
#include "sys/lines.h"
#include "sys/options.h"

struct command {
    const char *network, *labels, *layout, *resize;
    bool skip_bad;
    const char *validate, *resume; /* of a training: see needs_tests */
    char name[64];                 /* of the network */
    struct data_shape shape;
};

/* "mine 1x28x28 10", as `burin plan --pass shape` prints it. */
static bool read_network(struct command *c, struct err *err)
{
    struct data_shape *s = &c->shape;
    char end;
    return c->network == NULL ||
           sscanf(c->network, "%63s %dx%dx%d %d %c", c->name, &s->c, &s->h, &s->w, &s->classes,
                  &end) == 5 ||
           err_set_code(err, EXIT_USAGE,
                        "data: --for %.100s: expected what `burin plan --pass shape` prints: "
                        "\"NAME CxHxW CLASSES\"",
                        c->network);
}

/* What `train` is told of how to read and what to evaluate, as --labels NAME or --labels=NAME. */
static void take_train(struct command *c, int count, char **words)
{
    const struct {
        const char *option;
        const char **target;
    } known[] = {{"--labels", &c->labels},
                 {"--layout", &c->layout},
                 {"--resize", &c->resize},
                 {"--validate", &c->validate},
                 {"--resume", &c->resume}};
    for (int i = 0; i < count; i++) {
        c->skip_bad = c->skip_bad || strcmp(words[i], "--skip-bad") == 0;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            const size_t length = strlen(known[k].option);
            if (strncmp(words[i], known[k].option, length) != 0)
                continue;
            if (words[i][length] == '=')
                *known[k].target = words[i] + length + 1;
            else if (words[i][length] == '\0' && i + 1 < count)
                *known[k].target = words[i + 1];
        }
    }
}

/* Whether a training asks that cannot do without images to test with. One that holds out training
 * images can; so may one that goes on. */
static bool needs_tests(const struct command *c)
{
    return c->network != NULL && c->resume == NULL &&
           (c->validate == NULL || strcmp(c->validate, "0") == 0);
}

/* tests: the number of test images; if there are none, missing says why. */
static void print(const struct data *data, int tests, const struct err *missing)
{
    lines_print(stdout, "", "%s: %s, %dx%dx%d images%s, %d classes", data->source, data->format,
                data->c, data->h, data->w, data->type == DATA_FLOATS ? " of floats" : "",
                data->classes);
    printf("  %d training images", data->count);
    if (tests > 0)
        printf(", %d test images", tests);
    printf("\n  classes:");
    for (int k = 0; k < data->classes; k++)
        printf("%s %s", k > 0 ? "," : "", data->class_names[k]);
    printf("\n  a description says: input = { %d, %d, %d }, classes = %d\n", data->c, data->h,
           data->w, data->classes);
    if (tests == 0)
        lines_print(stdout, "", "  no test images: %s", missing->message);
}

static bool look(const struct command *c, const char *path, struct err *err)
{
    struct data train = {0}, test = {0};
    struct data_request request = {
        .path = path,
        .part = DATA_TRAIN,
        .wanted = c->network != NULL ? &c->shape : NULL,
        .look = true,
        .options = {.resize = c->resize == NULL                ? RESIZE_NONE
                              : strcmp(c->resize, "crop") == 0 ? RESIZE_CROP
                                                               : RESIZE_FIT,
                    .skip_bad = c->skip_bad,
                    .labels = c->labels,
                    .layout = c->layout},
    };
    struct err missing = {0};
    if (!format_open(&train, &request, err))
        return false;
    bool ok = c->network == NULL || dataset_fits(&train, &request, c->name, err);
    request.part = DATA_TEST;
    const bool tests = ok && format_open(&test, &request, &missing);
    if (tests)
        ok = dataset_alike(&train, test.type, err);
    else if (ok && needs_tests(c))
        ok = err_set_code(err, missing.code, "%s", missing.message);
    if (ok)
        print(&train, tests ? test.count : 0, &missing);
    data_close(&train);
    data_close(&test);
    return ok;
}

static bool run(int argc, char **argv, struct err *err)
{
    struct command c = {.network = NULL};
    const struct option_spec specs[] = {
        {"for", "NETWORK", "\"NAME CxHxW CLASSES\": whether this network takes it", OPTION_TEXT,
         &c.network, 0, 0},
        {"labels", "NAME", "which labels, as train has it", OPTION_TEXT, &c.labels, 0, 0},
        {"layout", "nhwc|nchw", "of arrays, as train has it", OPTION_CHOICE, &c.layout, 0, 0},
        {"resize", "fit|crop", "of pictures, as train has it", OPTION_CHOICE, &c.resize, 0, 0},
    };
    const int count = (int)(sizeof specs / sizeof specs[0]);
    uint64_t given = 0;
    int first = 0, own = 0;
    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    if (own < argc)
        take_train(&c, argc - own - 1, argv + own + 1);
    if (!options_parse_before(specs, count, own, argv, &given, &first, err))
        return false;
    if (given >> OPTIONS_HELP & 1) {
        lines_print(stdout, "",
                    "usage: burin data [options] PATH\n\n"
                    "Says what data lies at a path: format, shape, images, classes.\n");
        options_help(stdout, specs, count);
        return true;
    }
    if (own - first != 1)
        return err_set_code(err, EXIT_USAGE, "data: expected one path, got %d", own - first);
    return read_network(&c, err) &&
           (strcmp(argv[first], DATASET_SYNTHETIC) == 0 || look(&c, argv[first], err));
}

int main(int argc, char **argv)
{
    struct err err = {0};
    char name[] = "data";
    argv[0] = name;
    bool ok = run(argc, argv, &err);
    if (!ok)
        lines_print(stderr, "", "burin: %s", err.message);
    if (fflush(stdout) != 0 && ok) {
        fprintf(stderr, "burin: standard output: cannot be written\n");
        return EXIT_FAILED;
    }
    return ok ? EXIT_OK : (int)err.code;
}
