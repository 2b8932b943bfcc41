/* burin.c - the command line of the generator: it reads options, and Lua does the work.
 *
 * Every option has its default and its allowed values in one table, which the help, the checking
 * and the arguments of the Lua commands share.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

extern char **environ;

#define BURIN_VERSION "0.1.0"

enum { MAX_CHOICES = 10, MAX_OPERANDS = 512, KEY_SIZE = 16, PATH_SIZE = 4096 };

enum option_id {
    OPT_NORM,
    OPT_ISA,
    OPT_REAL,
    OPT_OUTPUT,
    OPT_ALGORITHM,
    OPT_UNROLL,
    OPT_MAX_MEMORY,
    OPT_CANDIDATE,
    OPT_TUNED,
    OPT_PASS,
    OPT_FIGURE,
    OPT_WEIGHTS,
    OPT_OPSET,
    OPT_PREPROCESS,
    OPT_EXTERNAL,
    OPT_SAMPLES,
    OPT_GEN_DIR,
    OPTION_COUNT,
    OPT_HELP,
    OPT_VERSION
};

/* Choices with a number: see is_numbered_norm. */
#define GHOST_NORM "bn1 to bn9999"
#define GROUPS_NORM "gn1 to gn9999"

/* Commands as bits, to say which of them take an option. */
enum {
    GEN = 1,
    PLAN = 2,
    TWIN = 4,
    LAYERS = 8,
    REPORT = 16,
    EXPORT = 32,
    IMPORT = 64,
    FREEZE = 128,
    ALL = 255
};

/* What Lua may hold of models: they stand in memory whole. */
static const size_t model_memory = (size_t)2 << 30;

static const struct {
    const char *name; /* on the command line */
    const char *key;  /* in the table that Lua gets; NULL for those that stay in C */
    const char *fallback;
    unsigned commands;
    const char *choices[MAX_CHOICES]; /* none: any text */
} option_table[OPTION_COUNT] = {
    [OPT_NORM] = {"norm",
                  "norm",
                  "bn",
                  GEN | PLAN | TWIN | EXPORT | FREEZE,
                  {"bn", "gn", "ln", "in", "none", GHOST_NORM, GROUPS_NORM}},
    [OPT_ISA] = {"isa", "isa", "native", GEN | PLAN, {"native", "avx2", "avx512", "c"}},
    [OPT_REAL] = {"real", "real", "float", GEN, {"float", "double"}},
    [OPT_OUTPUT] =
        {"output", "output", NULL, GEN | TWIN | REPORT | EXPORT | IMPORT | FREEZE, {NULL}},
    [OPT_ALGORITHM] = {"algorithm", "algorithm", "auto", GEN | PLAN, {"auto", "direct"}},
    [OPT_UNROLL] = {"unroll", "unroll", "tile", GEN | PLAN, {"tile", "full", "none"}},
    [OPT_MAX_MEMORY] = {"max-memory", "max_memory", NULL, GEN, {NULL}},
    [OPT_CANDIDATE] = {"candidate", "candidate", NULL, GEN | PLAN, {NULL}},
    [OPT_TUNED] = {"tuned", "tuned", "auto", GEN | PLAN, {NULL}},
    [OPT_PASS] = {"pass",
                  "pass",
                  NULL,
                  PLAN,
                  {"network", "shape", "graph", "steps", "layouts", "phases", "calls", "memory",
                   "kernels", "choices"}},
    [OPT_FIGURE] = {"figure", "figure", NULL, REPORT, {NULL}},
    [OPT_WEIGHTS] = {"weights", "weights", NULL, IMPORT, {NULL}},
    [OPT_OPSET] = {"opset", "opset", "17", EXPORT, {"17", "18", "19", "20", "21", "22", "23"}},
    [OPT_PREPROCESS] = {"preprocess", "preprocess", "outside", EXPORT, {"outside", "inside"}},
    [OPT_EXTERNAL] = {"external", "external", NULL, IMPORT, {NULL}},
    [OPT_SAMPLES] = {"samples", "samples", NULL, FREEZE, {NULL}},
    [OPT_GEN_DIR] = {"gen-dir", NULL, NULL, ALL, {NULL}},
};

static const struct {
    const char *name;
    unsigned bit;
} commands[] = {{"gen", GEN},       {"plan", PLAN},     {"twin", TWIN},     {"layers", LAYERS},
                {"report", REPORT}, {"export", EXPORT}, {"import", IMPORT}, {"freeze", FREEZE}};

#define COMMANDS "gen, plan, twin, layers, report, export, import or freeze"

static const char help_text[] =
    "burin - engraves a neural network into C\n"
    "\n"
    "usage: burin COMMAND [options] NETWORK.lua\n"
    "       burin data [options] PATH\n"
    "       burin report [options] RUN...\n"
    "       burin export MODEL -o FILE.onnx [options] [NETWORK.lua]\n"
    "       burin import FILE.onnx -o NETWORK.lua [options]\n"
    "       burin freeze MODEL -o DIR [options] [NETWORK.lua]\n"
    "\n"
    "NETWORK.lua is the path of a network description, or the bare name of one in gen/nets or\n"
    "examples, such as s8. Options may stand before or after it.\n"
    "\n"
    "Commands\n"
    "  gen       write the C program that trains the network\n"
    "  plan      print the plan: layers, shapes, parameters, MFLOP, kernels, memory\n"
    "  twin      write the same network as a PyTorch module with the same parameter names\n"
    "  data      say what data lies at a path: format, shape, images, classes; burin data --help\n"
    "  layers    print the manual of the description language; takes no network\n"
    "  report    write an HTML page that compares runs: the folders that `train` wrote\n"
    "  export    write a trained model, a .safetensors file or the folder of a run, as ONNX\n"
    "  import    write the description of an ONNX model, and its weights\n"
    "  freeze    write a trained model as C that stands alone: pixels in, probabilities out\n"
    "\n"
    "Options\n"
    "  --norm NORM          bn, gn, ln, in or none: what norm() layers are    (gen, plan, twin,\n"
    "                       [bn; export, freeze: what the model says];       export,\n"
    "                       bn16: batch norm over 16 images, gn8: 8 groups  freeze)\n"
    "  --isa ISA            native, avx2, avx512 or c; native asks the CPU,   (gen, plan)\n"
    "                       c is portable C [native]\n"
    "  --real TYPE          float or double: type of the numbers; double is   (gen)\n"
    "                       for checks of gradients, in portable C [float]\n"
    "  -o, --output FILE    where to write                                    (gen, twin,\n"
    "                       [gen: generated/<net>_<norm>_<isa>.c,           report, export,\n"
    "                       twin, import: standard output,                  import,\n"
    "                       report: report.html or ID.svg]                  freeze)\n"
    "  --algorithm ALG      auto or direct: how convolutions are computed     (gen, plan)\n"
    "                       [auto]\n"
    "  --unroll HOW         tile, full or none: what is written out in the    (gen, plan)\n"
    "                       kernels; full adds the input channels, none is\n"
    "                       plain loops in portable C, to be read [tile]\n"
    "  --max-memory MB      what training may need; more is an error [4096]   (gen)\n"
    "  --tuned FILE         choose kernels by the measurements in FILE; none  (gen, plan)\n"
    "                       leaves it to the model [auto: those of this CPU,\n"
    "                       gen/tuned/<cpu>.lua, if `make tune` wrote it]\n"
    "  --candidate N        take the N-th candidate of every convolution      (gen, plan)\n"
    "                       kernel, the first being the model's, to measure\n"
    "  --pass PASS          print what one pass makes, as plain tables:       (plan)\n"
    "                       network, graph, steps, layouts, phases, calls,\n"
    "                       memory or kernels; choices, as --tuned reads\n"
    "                       them; or shape: name, images and classes in a\n"
    "                       line\n"
    "  --figure ID          one figure alone, as a picture: its id on the     (report)\n"
    "                       page, such as accuracy [the whole page]\n"
    "  --opset N            17 to 23: the version of the operators [17]       (export)\n"
    "  --preprocess WHERE   outside or inside: whether the graph takes        (export)\n"
    "                       normalised images or bytes, 0 to 255 [outside]\n"
    "  --weights FILE       also write the weights, as safetensors            (import)\n"
    "  --external           read tensors that stand in files beside the       (import)\n"
    "                       model's\n"
    "  --samples FILE       images with their logits, as the program's        (freeze)\n"
    "                       eval --samples writes them, for the self test\n"
    "                       [samples.safetensors in the folder of the run]\n"
    "  --gen-dir DIR        take scripts from DIR and templates from          (all)\n"
    "                       DIR/../templates, not from the executable\n"
    "  --help               print this and exit\n"
    "  --version            print the version and exit\n"
    "\n"
    "Limits\n"
    "  A description runs for at most 10 seconds in 64 MiB; checking and planning it take\n"
    "  at most 20 seconds of processor time and 256 MiB. Beyond them it is rejected.\n"
    "\n"
    "Exit codes\n"
    "  0 done   1 failure   2 wrong usage   5 the description was rejected\n"
    "\n"
    "Examples\n"
    "  burin gen --norm gn --isa avx2 -o s8_gn.c s8\n"
    "  burin plan my/network.lua\n"
    "  burin report runs/s8_bn runs/s8_gn -o report.html\n"
    "  burin report runs/s8_bn runs/s8_gn --figure accuracy -o accuracy.svg\n"
    "  burin export runs/s8_bn -o s8.onnx\n"
    "  burin import resnet.onnx -o resnet.lua --weights resnet.safetensors\n"
    "  burin freeze runs/s8_bn -o frozen\n";

static int usage_error(void)
{
    fputs("Try 'burin --help'.\n", stderr);
    return HOST_USAGE;
}

/* "bn16", batch norm over 16 images, or "gn8", group norm of 8 groups: what `choice` begins with
 * and a number; layers.lua knows what it means. */
static bool is_numbered_norm(const char *value, const char *choice)
{
    size_t digits = strncmp(value, choice, 2) == 0 ? strspn(value + 2, "0123456789") : 0;
    return digits >= 1 && digits <= 4 && value[2] != '0' && value[2 + digits] == '\0';
}

/* Ends a message: ": expected a, b or c". */
static void print_expected(const char *const *choices)
{
    fputs(": expected ", stderr);
    for (int i = 0; i < MAX_CHOICES && choices[i] != NULL; i++) {
        bool last = i + 1 == MAX_CHOICES || choices[i + 1] == NULL;
        fprintf(stderr, "%s%s", i == 0 ? "" : last ? " or " : ", ", choices[i]);
    }
    fputs("\n", stderr);
}

static bool is_megabytes(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return text[digits] == '\0' && digits >= 1 && digits <= 9 && strspn(text, "0") < digits;
}

/* What an option without choices takes. */
static const char *expected_text(int id)
{
    return id == OPT_MAX_MEMORY ? "megabytes" : id == OPT_FIGURE ? "the id of a figure" : "a path";
}

/* Whether `value` is allowed for an option; says what is if not. */
static bool check_value(int id, const char *value)
{
    const char *const *choices = option_table[id].choices;
    const char *name = option_table[id].name;
    for (int i = 0; i < MAX_CHOICES && choices[i] != NULL; i++)
        if (strchr(choices[i], ' ') != NULL ? is_numbered_norm(value, choices[i])
                                            : strcmp(choices[i], value) == 0)
            return true;
    if (choices[0] != NULL) {
        fprintf(stderr, "burin: --%s %s", name, value);
        print_expected(choices);
        return false;
    }
    if (id == OPT_MAX_MEMORY && !is_megabytes(value)) {
        fprintf(stderr, "burin: --%s %s: expected megabytes, from 1 to 999999999\n", name, value);
        return false;
    }
    if (value[0] == '\0') {
        fprintf(stderr, "burin: --%s: the value is empty: expected %s\n", name, expected_text(id));
        return false;
    }
    return true;
}

/* Says what is wrong with the option that getopt stopped at; `result` is what it returned. */
static void explain_option(int result, const char *word)
{
    if (result == ':') {
        int id = optopt == 'o' ? OPT_OUTPUT : optopt;
        fprintf(stderr, "burin: --%s: the value is missing", option_table[id].name);
        if (option_table[id].choices[0] != NULL)
            print_expected(option_table[id].choices);
        else
            fprintf(stderr, ": expected %s\n", expected_text(id));
    } else if (optopt == OPT_HELP || optopt == OPT_VERSION || optopt == OPT_EXTERNAL) {
        fprintf(stderr, "burin: %s: a value too many: expected none\n", word);
    } else if (optopt != 0) {
        fprintf(stderr, "burin: -%c: no such option: expected -o or -h\n", optopt);
    } else {
        fprintf(stderr, "burin: %s: no such option: expected one of the help\n", word);
    }
}

/* Says which commands take an option. */
static void explain_command(int id, const char *command)
{
    const char *takers[MAX_CHOICES] = {NULL};
    int count = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if ((option_table[id].commands & commands[i].bit) != 0)
            takers[count++] = commands[i].name;
    fprintf(stderr, "burin: --%s: %s does not take it", option_table[id].name, command);
    print_expected(takers);
}

static unsigned find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].bit;
    return 0;
}

/* Whether a command takes so many words; says how many if not. */
static bool check_operands(const char *command, unsigned bit, int count)
{
    const char *expected = bit == LAYERS   ? "no network"
                           : bit == IMPORT ? "one model"
                                           : "one network";
    bool good = count == (bit == LAYERS ? 0 : 1);
    if (bit == EXPORT || bit == FREEZE) {
        expected = "a model, and its network where the model does not say it";
        good = count == 1 || count == 2;
    }
    if (bit == REPORT) {
        expected = count == 0 ? "the folders of one run or more" : "at most 512 runs";
        good = count >= 1 && count <= MAX_OPERANDS;
    }
    if (!good)
        fprintf(stderr, "burin: %s: expected %s, got %d\n", command, expected, count);
    return good;
}

/* The words behind the command: a network, a model and perhaps a network, or the folders of runs as
 * run1, run2, ... */
static size_t add_operands(struct host_argument *arguments, unsigned bit, int count, char **words)
{
    static char keys[MAX_OPERANDS][KEY_SIZE];
    for (int i = 0; i < count; i++) {
        if (bit == REPORT)
            snprintf(keys[i], KEY_SIZE, "run%d", i + 1);
        else
            snprintf(keys[i], KEY_SIZE,
                     i == 0 && (bit & (EXPORT | IMPORT | FREEZE)) != 0 ? "model" : "network");
        arguments[i] = (struct host_argument){keys[i], words[i]};
    }
    return (size_t)count;
}

static int run(const char *command, int operands, char **words, const char *const *values)
{
    const char *gen_dir = values[OPT_GEN_DIR];
    if (gen_dir != NULL && access(gen_dir, R_OK | X_OK) != 0) {
        fprintf(stderr, "burin: --gen-dir %s: cannot be read: %s\n", gen_dir, strerror(errno));
        return HOST_FAILED;
    }
    struct host_argument arguments[1 + OPTION_COUNT + MAX_OPERANDS];
    unsigned bit = find_command(command);
    size_t count = 0;
    arguments[count++] = (struct host_argument){"version", BURIN_VERSION};
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (option_table[id].key == NULL)
            continue;
        bool asks_model =
            id == OPT_NORM && (bit & (EXPORT | FREEZE)) != 0; /* whose file may say its norm */
        const char *fallback = asks_model ? NULL : option_table[id].fallback;
        const char *value = values[id] != NULL ? values[id] : fallback;
        arguments[count++] = (struct host_argument){option_table[id].key, value};
    }
    count += add_operands(arguments + count, bit, operands, words);

    struct host *host = host_open(&(struct host_options){
        .gen_dir = gen_dir,
        .memory_limit = (bit & (EXPORT | IMPORT | FREEZE)) != 0 ? model_memory : 0});
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

/* A standard descriptor that is closed would be that of the next file, and what is printed would go
 * there: it becomes /dev/null. */
static bool open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) != fd)
            return false;
    }
    return true;
}

/* Starts the program burin-data that lies beside this one, and ends as it ends: what reads data is
 * the runtime's. Its path has a slash, so it is looked for nowhere else. */
static int start_data(char **argv)
{
    static const char name[] = "burin-data";
    char path[PATH_SIZE + sizeof name];
    ssize_t length = readlink("/proc/self/exe", path, PATH_SIZE);
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length <= 0) {
        fprintf(stderr, "burin: /proc/self/exe: cannot be read: expected the folder of %s\n", name);
        return HOST_FAILED;
    }
    memcpy(path + length, name, sizeof name);
    pid_t child;
    int status = 0, failed = posix_spawnp(&child, path, NULL, NULL, argv, environ);
    if (failed != 0) {
        fprintf(stderr, "burin: %s: %s: expected it beside burin\n", path, strerror(failed));
        return HOST_FAILED;
    }
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : HOST_FAILED;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"norm", required_argument, NULL, OPT_NORM},
        {"isa", required_argument, NULL, OPT_ISA},
        {"real", required_argument, NULL, OPT_REAL},
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"algorithm", required_argument, NULL, OPT_ALGORITHM},
        {"unroll", required_argument, NULL, OPT_UNROLL},
        {"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
        {"candidate", required_argument, NULL, OPT_CANDIDATE},
        {"tuned", required_argument, NULL, OPT_TUNED},
        {"pass", required_argument, NULL, OPT_PASS},
        {"figure", required_argument, NULL, OPT_FIGURE},
        {"weights", required_argument, NULL, OPT_WEIGHTS},
        {"opset", required_argument, NULL, OPT_OPSET},
        {"preprocess", required_argument, NULL, OPT_PREPROCESS},
        {"external", no_argument, NULL, OPT_EXTERNAL},
        {"samples", required_argument, NULL, OPT_SAMPLES},
        {"gen-dir", required_argument, NULL, OPT_GEN_DIR},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    const char *values[OPTION_COUNT] = {NULL};
    int id;
    if (!open_standard_descriptors())
        return HOST_FAILED;
    umask(umask(S_IWOTH) | S_IWOTH); /* whatever the user allows: nothing that all may write */
    signal(SIGCHLD,
           SIG_DFL); /* a parent may have ignored it, and then no child could be waited for */
    if (argc > 1 && strcmp(argv[1], "data") == 0)
        return start_data(argv + 1);
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":ho:", long_options, NULL)) != -1) {
        if (id == 'h' || id == OPT_HELP) {
            fputs(help_text, stdout);
            return fflush(stdout) == 0 ? HOST_OK : HOST_FAILED;
        }
        if (id == OPT_VERSION) {
            puts("burin " BURIN_VERSION);
            return fflush(stdout) == 0 ? HOST_OK : HOST_FAILED;
        }
        if (id == '?' || id == ':') {
            explain_option(id, argv[optind - 1]);
            return usage_error();
        }
        if (id == 'o')
            id = OPT_OUTPUT;
        const char *value = id == OPT_EXTERNAL ? "yes" : optarg;
        if (!check_value(id, value))
            return usage_error();
        values[id] = value;
    }

    if (optind == argc) {
        fputs("burin: no command: expected " COMMANDS "\n", stderr);
        return usage_error();
    }
    const char *command = argv[optind];
    unsigned bit = find_command(command);
    if (bit == 0) {
        fprintf(stderr, "burin: unknown command %s: expected " COMMANDS "\n", command);
        return usage_error();
    }
    int operands = argc - optind - 1;
    if (!check_operands(command, bit, operands))
        return usage_error();
    for (id = 0; id < OPTION_COUNT; id++) {
        if (values[id] != NULL && (option_table[id].commands & bit) == 0) {
            explain_command(id, command);
            return usage_error();
        }
    }
    return run(command, operands, argv + optind + 1, values);
}
