/* program.c - chooses the command, and is the only place that prints errors and makes exit codes.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inspect/bench.h"
#include "inspect/bench_step.h"
#include "inspect/info.h"
#include "ranks/launched.h"
#include "ranks/ranks.h"
#include "sys/cpu.h"
#include "sys/lines.h"
#include "sys/nearest.h"
#include "sys/options.h"
#include "sys/team.h"
#include "train/eval.h"
#include "train/predict.h"
#include "train/train.h"

static bool bench_command(const struct model *model, const char *program, int argc, char **argv,
                          struct err *err)
{
    struct bench_options options = {0};
    struct bench_steps_options steps = {.dropout = true};
    int64_t threads = 1, step_count = 0, batch = 0;
    const struct option_spec specs[] = {
        {"json", "FILE", "write the figures here, too", OPTION_TEXT, &options.json, 0, 0},
        {"threads", "N", "default 1", OPTION_INT, &threads, 1, TEAM_MAX_THREADS},
        {"pin", NULL, "each thread stays on a processor of its own", OPTION_ON, &options.pin, 0, 0},
        {"kernels", NULL, "time the generated kernels and nothing else", OPTION_ON,
         &options.kernels, 0, 0},
        {"steps", "N", "time N whole steps and nothing else", OPTION_INT, &step_count, 1, 100000},
        {"batch", "N", "with --steps: images of a step (default: as in training)", OPTION_INT,
         &batch, 1, 65536},
        {"evaluate", NULL, "with --steps: evaluate instead of training", OPTION_ON, &steps.evaluate,
         0, 0},
        {"start", "FOLDER", "with --steps: write the first batch, model and gradients here",
         OPTION_TEXT, &steps.start, 0, 0},
        {"profile", NULL, "with --steps: print where the time goes", OPTION_ON, &steps.profile, 0,
         0},
        {"no-dropout", NULL, "with --steps: turn dropout off", OPTION_OFF, &steps.dropout, 0, 0},
    };
    const int count = (int)(sizeof specs / sizeof specs[0]), first_of_steps = 5;
    uint64_t given = 0;
    if (!options_parse(specs, count, argc, argv, &given, err))
        return false;
    if (given >> OPTIONS_HELP & 1) {
        lines_print(
            stdout, "",
            "usage: %s bench [options]\n\n"
            "Times every kernel and a whole step against the peak and the generic kernels.\n",
            program);
        options_help(stdout, specs, count);
        return true;
    }
    if (step_count > 0 && options.kernels)
        return err_set_code(err, EXIT_USAGE, "bench: --kernels and --steps: expected one of them");
    if (step_count > 0) {
        steps.threads = (int)threads;
        steps.steps = (int)step_count;
        steps.batch = (int)batch;
        steps.pin = options.pin;
        steps.json = options.json;
        return bench_steps_main(model, &steps, err);
    }
    for (int i = first_of_steps; i < count; i++)
        if (given >> i & 1)
            return err_set_code(err, EXIT_USAGE, "bench: --%s without --steps: expected both",
                                specs[i].name);
    options.threads = (int)threads;
    return bench_main(model, &options, err);
}

static const struct command {
    const char *name;
    const char *help;
    bool computes; /* needs the instruction set the kernels were made for */
    bool together; /* may be one of several ranks */
    bool (*run)(const struct model *model, const char *program, int argc, char **argv,
                struct err *err);
} commands[] = {
    {"train", "train the network", true, true, train_main},
    {"eval", "evaluate a model on the test set", true, true, eval_main},
    {"predict", "say what is in images", true, true, predict_main},
    {"bench", "time the kernels and the step", true, false, bench_command},
    {"info", "print the layers", false, false, info_main},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out, const struct model *model, const char *program)
{
    lines_print(out, "", "usage: %s COMMAND [options]\n\nNetwork %s with norm %s, made for %s.\n",
                program, model->name, model->norm, model->isa);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n  %-10s this text; after a command, its options\n  %-10s the version\n",
            "--help", "--version");
}

static bool check_isa(const struct model *model, struct err *err)
{
    const bool is_asked_for = strncmp(model->isa, "amx", strlen("amx")) == 0; /* see cpu.h */
    return cpu_supports(model->isa) ||
           err_set(err, "made for %s, which this CPU%s lacks; remake it with: %s%s", model->isa,
                   is_asked_for ? " or its kernel" : "", model->remake, cpu_best_isa());
}

/* Several ranks of what each of them would do by itself would all say the same. */
static bool check_alone(const struct command *command, struct err *err)
{
    const char *launcher = launched_by();
    return launcher == NULL ||
           err_set_code(err, EXIT_USAGE,
                        "%s: %s: a launcher of MPI has started this program as one of several: "
                        "expected it alone; train, eval and predict work together",
                        command->name, launcher);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

/* A reader who leaves (| head) and a limit of file sizes end no training: they come back as errors
 * of write. */
static void keep_on(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static bool dispatch(const struct model *model, int argc, char **argv, struct err *err)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_usage(stdout, model, argv[0]);
        return true;
    }
    if (strcmp(name, "--version") == 0) {
        printf("%s_%s (burin %s)\n", model->name, model->norm, BURIN_VERSION);
        return true;
    }
    for (int i = 0; i < COMMANDS; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, name) != 0)
            continue;
        if (command->computes)
            keep_on();
        return (!command->computes || wants_help(argc - 1, argv + 1) || check_isa(model, err)) &&
               (command->together || check_alone(command, err)) &&
               command->run(model, argv[0], argc - 1, argv + 1, err);
    }
    if (argc < 2)
        return err_set_code(err, EXIT_USAGE,
                            "no command: expected train, eval, predict, bench or info");
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    char hint[NEAREST_HINT];
    nearest_hint(hint, name, names, COMMANDS);
    return err_set_code(err, EXIT_USAGE,
                        "unknown command '%s'%s: expected train, eval, predict, bench or info",
                        name, hint);
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

int program_main(const struct model *model, int argc, char **argv)
{
    struct err err = {0};
    if (!open_standard_descriptors())
        return EXIT_FAILED;
    umask(umask(S_IWOTH) | S_IWOTH); /* whatever the user allows: nothing that all may write */
    dispatch(model, argc, argv, &err);
    /* What was printed must have arrived: `train > file` on a full disk is a failure. */
    bool lost = fflush(stdout) != 0;
    int reason = lost ? errno : 0;
    char speaker[RANKS_HOST_SIZE + 32];
    if (err.message[0] != '\0' && ranks_speaker(err.code, speaker) != NULL)
        lines_print(stderr, "", "%s: %s%s", argv[0], speaker, err.message);
    if (lost || ferror(stdout)) {
        fprintf(stderr, "%s: standard output: cannot write%s%s\n", argv[0], lost ? ": " : "",
                lost ? strerror(reason) : "");
        err.code = err.code == EXIT_OK ? EXIT_FAILED : err.code;
    }
    ranks_finish(err.code);
    return (int)err.code;
}
