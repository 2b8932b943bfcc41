/* burin.c - the command line of the generator: it reads options, and Lua does the work.
 *
 * Every option has its default and its allowed values in one table, which the help, the checking
 * and the arguments of the Lua commands share.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define BURIN_VERSION "0.1.0"

enum { MAX_CHOICES = 8 };

enum option_id {
    OPT_NORM,
    OPT_ISA,
    OPT_OUTPUT,
    OPT_ALGORITHM,
    OPT_UNROLL,
    OPT_CANDIDATE,
    OPT_TUNED,
    OPT_PASS,
    OPT_GEN_DIR,
    OPTION_COUNT,
    OPT_HELP,
    OPT_VERSION
};

/* Commands as bits, to say which of them take an option. */
enum { GEN = 1, PLAN = 2, TWIN = 4, LAYERS = 8 };

static const struct {
    const char *name; /* on the command line */
    const char *key;  /* in the table that Lua gets; NULL for those that stay in C */
    const char *fallback;
    unsigned commands;
    const char *choices[MAX_CHOICES]; /* none: any text */
} option_table[OPTION_COUNT] = {
    [OPT_NORM] = {"norm", "norm", "bn", GEN | PLAN | TWIN, {"bn", "gn", "ln", "in", "none"}},
    [OPT_ISA] = {"isa", "isa", "native", GEN | PLAN, {"native", "avx2", "avx512", "c"}},
    [OPT_OUTPUT] = {"output", "output", NULL, GEN | TWIN, {NULL}},
    [OPT_ALGORITHM] = {"algorithm", "algorithm", "auto", GEN | PLAN, {"auto", "direct"}},
    [OPT_UNROLL] = {"unroll", "unroll", "tile", GEN | PLAN, {"tile", "full"}},
    [OPT_CANDIDATE] = {"candidate", "candidate", NULL, GEN | PLAN, {NULL}},
    [OPT_TUNED] = {"tuned", "tuned", "auto", GEN | PLAN, {NULL}},
    [OPT_PASS] = {"pass",
                  "pass",
                  NULL,
                  PLAN,
                  {"network", "graph", "steps", "schedule", "memory", "kernels", "choices"}},
    [OPT_GEN_DIR] = {"gen-dir", NULL, NULL, GEN | PLAN | TWIN | LAYERS, {NULL}},
};

static const struct {
    const char *name;
    unsigned bit;
} commands[] = {{"gen", GEN}, {"plan", PLAN}, {"twin", TWIN}, {"layers", LAYERS}};

static const char help_text[] =
    "burin - engraves a neural network into C\n"
    "\n"
    "usage: burin COMMAND [options] NETWORK.lua\n"
    "\n"
    "NETWORK.lua is the path of a network description, or the bare name of one in gen/nets,\n"
    "such as s8. Options may stand before or after it.\n"
    "\n"
    "Commands\n"
    "  gen       write the C program that trains the network\n"
    "  plan      print the plan: layers, shapes, parameters, MFLOP, kernels, memory\n"
    "  twin      write the same network as a PyTorch module with the same parameter names\n"
    "  layers    print the manual of the description language; takes no network\n"
    "\n"
    "Options\n"
    "  --norm NORM          bn, gn, ln, in or none: what norm() layers are    (gen, plan, twin)\n"
    "                       [bn]\n"
    "  --isa ISA            native, avx2, avx512 or c; native asks the CPU,   (gen, plan)\n"
    "                       c is portable C [native]\n"
    "  -o, --output FILE    where to write                                    (gen, twin)\n"
    "                       [gen: generated/<net>_<norm>_<isa>.c,\n"
    "                       twin: standard output]\n"
    "  --algorithm ALG      auto or direct: how convolutions are computed     (gen, plan)\n"
    "                       [auto]\n"
    "  --unroll HOW         tile or full: what is written out in the kernels; (gen, plan)\n"
    "                       full adds the input channels [tile]\n"
    "  --tuned FILE         choose kernels by the measurements in FILE; none  (gen, plan)\n"
    "                       leaves it to the model [auto: those of this CPU,\n"
    "                       gen/tuned/<cpu>.lua, if `make tune` wrote it]\n"
    "  --candidate N        take the N-th candidate of every convolution      (gen, plan)\n"
    "                       kernel, the first being the model's, to measure\n"
    "  --pass PASS          print what one pass makes, as plain tables:       (plan)\n"
    "                       network, graph, steps, schedule, memory or\n"
    "                       kernels; or choices, as --tuned reads them\n"
    "  --gen-dir DIR        take scripts from DIR and templates from          (all)\n"
    "                       DIR/../templates, not from the executable\n"
    "  --help               print this and exit\n"
    "  --version            print the version and exit\n"
    "\n"
    "Exit codes\n"
    "  0 done   1 failure   2 wrong usage   5 the description was rejected\n"
    "\n"
    "Examples\n"
    "  burin gen --norm gn --isa avx2 -o s8_gn.c s8\n"
    "  burin plan my/network.lua\n";

static int usage_error(void)
{
    fputs("Try 'burin --help'.\n", stderr);
    return HOST_USAGE;
}

/* Whether `value` is allowed for an option; says which are if not. */
static bool check_choice(int id, const char *value)
{
    const char *const *choices = option_table[id].choices;
    if (choices[0] == NULL)
        return true;
    for (int i = 0; i < MAX_CHOICES && choices[i] != NULL; i++)
        if (strcmp(choices[i], value) == 0)
            return true;
    fprintf(stderr, "burin: --%s %s: expected ", option_table[id].name, value);
    for (int i = 0; i < MAX_CHOICES && choices[i] != NULL; i++) {
        bool last = i + 1 == MAX_CHOICES || choices[i + 1] == NULL;
        fprintf(stderr, "%s%s", i == 0 ? "" : last ? " or " : ", ", choices[i]);
    }
    fputs("\n", stderr);
    return false;
}

static unsigned find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].bit;
    return 0;
}

static int run(const char *command, const char *network, const char *const *values)
{
    const char *gen_dir = values[OPT_GEN_DIR];
    if (gen_dir != NULL && access(gen_dir, R_OK | X_OK) != 0) {
        fprintf(stderr, "burin: --gen-dir %s: cannot be read: %s\n", gen_dir, strerror(errno));
        return HOST_FAILED;
    }
    struct host_argument arguments[OPTION_COUNT + 1];
    size_t count = 0;
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (option_table[id].key == NULL)
            continue;
        const char *value = values[id] != NULL ? values[id] : option_table[id].fallback;
        arguments[count++] = (struct host_argument){option_table[id].key, value};
    }
    arguments[count++] = (struct host_argument){"network", network};

    struct host *host = host_open(&(struct host_options){.gen_dir = gen_dir});
    if (host == NULL) {
        fputs("burin: out of memory\n", stderr);
        return HOST_FAILED;
    }
    enum host_status status = host_call(host, "main", command, arguments, count);
    if (status != HOST_OK)
        fprintf(stderr, "%s%s\n", status == HOST_REJECTED ? "" : "burin: ", host_message(host));
    host_close(host);
    return (int)status;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"norm", required_argument, NULL, OPT_NORM},
        {"isa", required_argument, NULL, OPT_ISA},
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"algorithm", required_argument, NULL, OPT_ALGORITHM},
        {"unroll", required_argument, NULL, OPT_UNROLL},
        {"candidate", required_argument, NULL, OPT_CANDIDATE},
        {"tuned", required_argument, NULL, OPT_TUNED},
        {"pass", required_argument, NULL, OPT_PASS},
        {"gen-dir", required_argument, NULL, OPT_GEN_DIR},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    const char *values[OPTION_COUNT] = {NULL};
    int id;
    while ((id = getopt_long(argc, argv, "ho:", long_options, NULL)) != -1) {
        if (id == 'h' || id == OPT_HELP) {
            fputs(help_text, stdout);
            return fflush(stdout) == 0 ? HOST_OK : HOST_FAILED;
        }
        if (id == OPT_VERSION) {
            puts("burin " BURIN_VERSION);
            return fflush(stdout) == 0 ? HOST_OK : HOST_FAILED;
        }
        if (id == '?') /* getopt has said what is wrong */
            return usage_error();
        if (id == 'o')
            id = OPT_OUTPUT;
        if (!check_choice(id, optarg))
            return usage_error();
        values[id] = optarg;
    }

    if (optind == argc) {
        fputs("burin: expected a command: gen, plan, twin or layers\n", stderr);
        return usage_error();
    }
    const char *command = argv[optind];
    unsigned bit = find_command(command);
    if (bit == 0) {
        fprintf(stderr, "burin: unknown command %s: expected gen, plan, twin or layers\n", command);
        return usage_error();
    }
    int networks = argc - optind - 1;
    if (networks != (bit == LAYERS ? 0 : 1)) {
        fprintf(stderr, "burin: %s: expected %s, got %d\n", command,
                bit == LAYERS ? "no network" : "one network", networks);
        return usage_error();
    }
    for (id = 0; id < OPTION_COUNT; id++) {
        if (values[id] != NULL && (option_table[id].commands & bit) == 0) {
            fprintf(stderr, "burin: %s takes no --%s\n", command, option_table[id].name);
            return usage_error();
        }
    }
    return run(command, bit == LAYERS ? NULL : argv[optind + 1], values);
}
