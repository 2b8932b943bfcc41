/* tiny_program.h - the program of the tiny model, and running it as a person would.
 *
 *     int main(int argc, char **argv)
 *     {
 *         if (getenv("TINY_PROGRAM") != NULL)
 *             return tiny_program(argc, argv);
 *         ... the suite ...
 *     }
 *     ck_assert_int_eq(run("train --data synthetic"), EXIT_OK);
 *     says(output, "finished");
 *
 * A test executable is its own program: run() starts it again, in a temporary folder, with
 * TINY_PROGRAM set. TINY_SIGNALS="step signal times" makes the program send itself signals in the
 * middle of that step; TINY_POISON="step tensor value ..." fills parameters with a value after that
 * step; TINY_VANISH="step" moves the folder `here` away in it; TINY_MODEL changes the network.
 */
#ifndef BURIN_TINY_PROGRAM_H
#define BURIN_TINY_PROGRAM_H

#include <cJSON.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"
#include "ref/generic.h"
#include "ref/ref.h"
#include "run.h"
#include "sys/err.h"
#include "sys/team.h"
#include "tiny_model.h"

/* -- The program ------------------------------------------------------------------------------- */

static inline void tiny_measure(const struct model *model, size_t *shared_floats,
                                size_t *thread_floats)
{
    generic_backend.measure(model, shared_floats, thread_floats);
}

static inline void tiny_pack(struct run *run, int rank)
{
    generic_backend.pack(run, rank);
}

/* "tensor value tensor:4 value": the whole tensor, or its first four values; of statistics the
 * first. */
static inline void tiny_poison(struct run *run, const char *text)
{
    char name[32];
    float value;
    for (int used = 0; sscanf(text, "%31s %f%n", name, &value, &used) == 2; text += used) {
        char *colon = strchr(name, ':');
        size_t limit = colon == NULL ? SIZE_MAX : strtoul(colon + 1, NULL, 10);
        if (colon != NULL)
            *colon = '\0';
        for (int i = 0; i < TINY_PARAMS; i++) {
            float *values = run->store.param + tiny_params[i].offset;
            size_t count = tiny_params[i].count < limit ? tiny_params[i].count : limit;
            for (size_t k = 0; strcmp(tiny_params[i].name, name) == 0 && k < count; k++)
                values[k] = value;
        }
        for (int i = 0; i < TINY_STATES; i++) {
            if (strcmp(tiny_states[i].name, name) == 0)
                run->store.state[tiny_states[i].offset] = value;
        }
    }
}

/* What follows the step in the variable, if this is the one. */
static inline const char *tiny_event(const struct run *run, const char *variable)
{
    char *rest = NULL;
    const char *text = getenv(variable);
    return text != NULL && strtol(text, &rest, 10) == run->store.batches + 1 ? rest : NULL;
}

static inline void tiny_train(struct run *run, int rank)
{
    int number = 0, times = 0;
    generic_backend.train(run, rank);
    team_barrier(run->team); /* others may still be updating what is poisoned here */
    if (rank != 0)
        return;
    const char *text = tiny_event(run, "TINY_SIGNALS");
    if (text != NULL && sscanf(text, "%d %d", &number, &times) == 2) {
        for (int i = 0; i < times; i++)
            raise(number);
    }
    text = tiny_event(run, "TINY_POISON");
    if (text != NULL)
        tiny_poison(run, text);
    if (tiny_event(run, "TINY_VANISH") != NULL && rename("here", "gone") != 0)
        _exit(127);
}

/* TINY_EVAL_SIGNAL="signal batch" is sent after that batch is evaluated; the first is 1. */
static inline void tiny_eval(struct run *run, int rank)
{
    static int batches;
    int number, batch;
    generic_backend.eval(run, rank);
    const char *text = getenv("TINY_EVAL_SIGNAL");
    if (rank == 0 && text != NULL && sscanf(text, "%d %d", &number, &batch) == 2 &&
        ++batches == batch)
        raise(number);
}

static const struct backend tiny_backend = {.name = "generated",
                                            .open = ref_open,
                                            .measure = tiny_measure,
                                            .pack = tiny_pack,
                                            .train = tiny_train,
                                            .eval = tiny_eval};

static struct layer tiny_changed[sizeof tiny_layers / sizeof tiny_layers[0]];

/* The norm sees one pixel, and as many images at once as `ghost` says. */
static inline void tiny_pixel(int ghost)
{
    static struct layer layers[sizeof tiny_layers / sizeof tiny_layers[0]];
    static struct param params[TINY_PARAMS];
    memcpy(layers, tiny_layers, sizeof tiny_layers);
    memcpy(params, tiny_params, sizeof tiny_params);
    layers[1].geometry.h = layers[1].geometry.w = (struct axis){32, 32, 0, 1};
    layers[1].h = layers[1].w = layers[2].h = layers[2].w = 1;
    layers[2].ghost = ghost;
    params[2].shape[1] = params[2].fan_in = 3;
    params[2].count = 30;
    tiny_model.layers = layers;
    tiny_model.params = params;
}

/* Grey images of 24 x 40 pixels and twelve classes. */
static inline void tiny_grey(void)
{
    static struct layer layers[sizeof tiny_layers / sizeof tiny_layers[0]];
    static struct param params[TINY_PARAMS];
    static struct state states[TINY_STATES];
    memcpy(layers, tiny_layers, sizeof tiny_layers);
    memcpy(params, tiny_params, sizeof tiny_params);
    memcpy(states, tiny_states, sizeof tiny_states);
    tiny_model.c = layers[0].c = layers[1].c = layers[2].c = 1;
    tiny_model.h = layers[0].h = 24;
    tiny_model.w = layers[0].w = 40;
    layers[1].h = layers[2].h = 3;
    layers[1].w = layers[2].w = 5;
    tiny_model.classes = layers[3].c = layers[4].c = 12;
    for (int i = 0; i < TINY_STATES; i++)
        params[i].count = states[i].count = (size_t)(params[i].shape[0] = 1);
    params[3].count = (size_t)(params[2].shape[0] = params[3].shape[0] = 12);
    params[2].shape[1] = params[2].fan_in = params[3].fan_in = 15;
    params[2].count = 180;
    tiny_model.layers = layers;
    tiny_model.params = params;
    tiny_model.states = states;
}

/* Another recipe. */
static inline void tiny_train_otherwise(void)
{
    struct recipe *recipe = &tiny_recipe;
    recipe->momentum = 0.75f;
    recipe->nesterov = true;
    recipe->weight_decay = 1e-2f;
    recipe->label_smoothing = 0.25f;
    recipe->schedule = LR_STEP;
    recipe->step_gamma = 0.5f;
    recipe->crop = 2;
    recipe->crop_border = CROP_ZERO;
    recipe->flip = FLIP_RANDOM;
    recipe->flip_vertical = true;
    recipe->cutout = 4;
}

/* TINY_MODEL changes the network: other images, another width of input, instruction set, name,
 * batch or recipe, or the pixels and images that share a mean. */
static inline int tiny_program(int argc, char **argv)
{
    const char *kind = getenv("TINY_MODEL");
    tiny_model.backend = &tiny_backend;
    if (kind != NULL && strcmp(kind, "wide") == 0)
        tiny_model.w = 64;
    if (kind != NULL && strcmp(kind, "grey") == 0)
        tiny_grey();
    if (kind != NULL && strcmp(kind, "channels") == 0)
        tiny_model.c = 65;
    if (kind != NULL && strcmp(kind, "cropped") == 0)
        tiny_recipe.crop = 32;
    if (kind != NULL && strcmp(kind, "foreign") == 0)
        tiny_model.isa = "sve";
    if (kind != NULL && strcmp(kind, "tiles") == 0)
        tiny_model.isa = "amx+bf16";
    if (kind != NULL && strcmp(kind, "renamed") == 0)
        tiny_model.name = "other";
    if (kind != NULL && strcmp(kind, "kernels") == 0)
        tiny_model.arithmetic = "0123456789abcdef";
    if (kind != NULL && strcmp(kind, "eps") == 0) {
        memcpy(tiny_changed, tiny_layers, sizeof tiny_layers);
        tiny_changed[2].eps = 1e-3f;
        tiny_model.layers = tiny_changed;
    }
    if (kind != NULL && strcmp(kind, "ragged") == 0)
        tiny_recipe.batch = 150; /* divides neither set */
    if (kind != NULL && strcmp(kind, "recipe") == 0)
        tiny_train_otherwise();
    if (kind != NULL && strcmp(kind, "pixel") == 0)
        tiny_pixel(0);
    if (kind != NULL && strcmp(kind, "ghosts") == 0)
        tiny_pixel(50);
    return program_main(&tiny_model, argc, argv);
}

/* -- Running it -------------------------------------------------------------------------------- */

enum { OUTPUT_SIZE = 1 << 18, PATH_SIZE = 512 };

static char folder[PATH_SIZE];
static char output[OUTPUT_SIZE], errors[OUTPUT_SIZE]; /* of the last run */

static inline void put_path(char out[2 * PATH_SIZE], const char *name)
{
    snprintf(out, 2 * PATH_SIZE, "%s/%s", folder, name);
}

static inline void read_text(const char *name, char *text)
{
    char path[2 * PATH_SIZE];
    put_path(path, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    size_t n = fread(text, 1, OUTPUT_SIZE - 1, file);
    text[n] = '\0';
    fclose(file);
}

/* What a child changes before it becomes the program. */
struct world {
    const char *environment[4][2];
    const char *standard_output;
    rlim_t file_size;     /* 0: no limit */
    rlim_t address_space; /* 0: no limit */
    bool nobody;          /* another user */
    bool reader_leaves;   /* standard output is a pipe that nobody reads */
    unsigned closed;      /* standard descriptors that are closed: bit 0, 1, 2 */
};

static inline bool redirect(const char *path, int descriptor)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return fd >= 0 && dup2(fd, descriptor) == descriptor;
}

static inline bool set_limits(const struct world *world)
{
    const struct rlimit size = {world->file_size, world->file_size};
    const struct rlimit space = {world->address_space, world->address_space};
    return (size.rlim_cur == 0 || setrlimit(RLIMIT_FSIZE, &size) == 0) &&
           (space.rlim_cur == 0 || setrlimit(RLIMIT_AS, &space) == 0);
}

/* Makes standard output a pipe whose reader has gone. */
static inline bool lose_reader(void)
{
    int ends[2];
    return pipe(ends) == 0 && close(ends[0]) == 0 && dup2(ends[1], STDOUT_FILENO) >= 0;
}

/* What whoever started the tests ignores is not ignored here. */
static inline void default_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_DFL);
}

/* Runs the program in the folder; returns its exit code, or 1000 + the signal that ended it. */
static inline int run_in(const struct world *world, char *const *arguments)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        const char *out = world->standard_output != NULL ? world->standard_output : "stdout";
        char self[PATH_SIZE] = "";
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
        bool ok = length > 0 && chdir(folder) == 0 && setenv("TINY_PROGRAM", "1", 1) == 0 &&
                  unsetenv("CIFAR10_DIR") == 0 && redirect(out, STDOUT_FILENO) &&
                  redirect("stderr", STDERR_FILENO);
        for (int i = 0; i < 4 && world->environment[i][0] != NULL; i++)
            ok = ok && setenv(world->environment[i][0], world->environment[i][1], 1) == 0;
        ok = ok && set_limits(world) && (!world->reader_leaves || lose_reader());
        if (world->nobody && geteuid() == 0)
            ok = ok && setgid(65534) == 0 && setuid(65534) == 0;
        default_signals();
        for (int fd = 0; fd < 3; fd++) {
            if (world->closed >> fd & 1)
                close(fd);
        }
        if (ok)
            execv(self, arguments);
        _exit(127);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    if (world->standard_output == NULL)
        read_text("stdout", output);
    read_text("stderr", errors);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The same from words separated by blanks; the program is called "tiny". */
static inline int run_words(const struct world *world, const char *words)
{
    char name[] = "tiny", text[1024], *arguments[40] = {name};
    int count = 1;
    ck_assert_uint_lt(strlen(words), sizeof text);
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        arguments[count++] = word;
    return run_in(world, arguments);
}

static inline int run(const char *words)
{
    return run_words(&(struct world){.nobody = false}, words);
}

static inline void says(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "expected \"%s\" in:\n%s", part, text);
}

/* Runs the program, which refuses what it was given: the message says where, what was found and
 * what was expected. */
static inline void refuses(const char *words, enum exit_code code)
{
    ck_assert_msg(run(words) == (int)code, "%s: expected code %d: %s", words, (int)code, errors);
    const char *expected = strstr(errors, ": expected ");
    ck_assert_msg(strncmp(errors, "tiny: ", 6) == 0 && expected != NULL && expected > errors + 6,
                  "no `what: what was found: expected ...`: %s", errors);
}

static inline bool exists(const char *name)
{
    char path[2 * PATH_SIZE];
    put_path(path, name);
    return access(path, F_OK) == 0;
}

static inline void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_program.XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void remove_folder(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

/* Both files, byte by byte. */
static inline void same_bytes(const char *a, const char *b)
{
    char names[2][2 * PATH_SIZE];
    FILE *files[2];
    for (int i = 0; i < 2; i++) {
        put_path(names[i], i == 0 ? a : b);
        files[i] = fopen(names[i], "rb");
        ck_assert_msg(files[i] != NULL, "%s", names[i]);
    }
    long at = 0;
    int x, y;
    do {
        x = getc(files[0]);
        y = getc(files[1]);
        ck_assert_msg(x == y, "%s and %s differ at byte %ld", a, b, at);
        at++;
    } while (x != EOF);
    fclose(files[0]);
    fclose(files[1]);
}

/* Copies a file inside the folder. */
static inline void copy(const char *from, const char *to)
{
    static char bytes[OUTPUT_SIZE];
    char path[2 * PATH_SIZE];
    put_path(path, from);
    FILE *in = fopen(path, "rb");
    put_path(path, to);
    FILE *out = fopen(path, "wb");
    ck_assert(in != NULL && out != NULL);
    size_t n = fread(bytes, 1, sizeof bytes, in);
    ck_assert_uint_lt(n, sizeof bytes);
    ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
}

/* The events of a kind in a log, as one text, without what depends on time. */
static inline char *events(const char *name, const char *kind, char *out)
{
    char text[OUTPUT_SIZE];
    size_t used = 0;
    read_text(name, text);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON *event = cJSON_Parse(line);
        ck_assert_msg(event != NULL, "no JSON: %s", line);
        ck_assert_str_eq(event->child->string, "event");
        if (strcmp(event->child->valuestring, kind) == 0) {
            cJSON_DeleteItemFromObject(event, "seconds");
            cJSON_DeleteItemFromObject(event, "images_per_s");
            char *printed = cJSON_PrintUnformatted(event);
            used += (size_t)snprintf(out + used, OUTPUT_SIZE - used, "%s\n", printed);
            ck_assert_uint_lt(used, OUTPUT_SIZE);
            cJSON_free(printed);
        }
        cJSON_Delete(event);
    }
    return out;
}

#endif
