/* burin.c - the command line of the generator: it reads options, and Lua does the work.
 *
 * What commands and options there are stands in the tables of usage.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "lines.h"
#include "usage.h"

extern char **environ;

enum { KEY_SIZE = 16, PATH_SIZE = 4096 };

/* What Lua may hold of models: they stand in memory whole. */
static const size_t model_memory = (size_t)2 << 30;

/* What is wrong, until main prints it in lines that fit the terminal; or standard error. */
static FILE *said;

static int usage_error(void)
{
    fputs("Try 'burin --help'.\n", said);
    return HOST_USAGE;
}

/* "bn16", batch norm over 16 images, or "gn8", group norm of 8 groups: what `choice` begins with
 * and a number; layers.lua knows what it means. */
static bool is_numbered_norm(const char *value, const char *choice)
{
    size_t digits = strncmp(value, choice, 2) == 0 ? strspn(value + 2, "0123456789") : 0;
    return digits >= 1 && digits <= 4 && value[2] != '0' && value[2 + digits] == '\0';
}

enum { WORDS_SIZE = 1024 };

/* Says " (did you mean --norm?)" of a word that is none of `words`, up to a NULL or the last of
 * `most`, with dashes before each where `dashes` says so. Lua knows the nearest. */
static void print_meant(const char *word, const char *dashes, const char *const *words, int most)
{
    char list[WORDS_SIZE] = "";
    for (int i = 0; i < most && words[i] != NULL; i++) {
        size_t used = strlen(list);
        if (strchr(words[i], ' ') == NULL) /* and not "bn1 to bn9999" */
            snprintf(list + used, sizeof list - used, "%s%s ", dashes, words[i]);
    }
    const struct host_argument arguments[] = {{"word", word}, {"words", list}};
    struct host *host = host_open(&(struct host_options){.gen_dir = NULL});
    if (host != NULL && host_call(host, "language/nearest", "meant", arguments, 2) == HOST_USAGE)
        fputs(host_message(host), said);
    host_close(host);
}

/* Ends a message: ": expected a, b or c", of words up to a NULL or the last of `most`. */
static void print_expected(const char *const *words, int most)
{
    fputs(": expected ", said);
    for (int i = 0; i < most && words[i] != NULL; i++) {
        bool last = i + 1 == most || words[i + 1] == NULL;
        fprintf(said, "%s%s", i == 0 ? "" : last ? " or " : ", ", words[i]);
    }
    fputs("\n", said);
}

/* The same of the commands that have one of these bits. */
static void print_commands(unsigned bits)
{
    const char *names[USAGE_COMMANDS] = {NULL};
    for (int i = 0, count = 0; i < usage_command_count; i++) {
        if ((usage_commands[i].bit & bits) != 0)
            names[count++] = usage_commands[i].name;
    }
    print_expected(names, USAGE_COMMANDS);
}

/* Commands of the programs that burin writes. */
static bool is_of_program(const char *word)
{
    static const char *const commands[] = {"train", "eval", "predict", "bench", "info"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(word, commands[i]) == 0)
            return true;
    }
    return false;
}

/* Says that `word` is no command; NULL: that there is none. */
static void explain_unknown(const char *word)
{
    const char *names[USAGE_COMMANDS] = {NULL};
    for (int i = 0; i < usage_command_count; i++)
        names[i] = usage_commands[i].name;
    if (word == NULL) {
        fputs("burin: no command", said);
    } else {
        fprintf(said, "burin: unknown command %s", word);
        if (is_of_program(word))
            fputs(", which is one of the program that trains, as in build/s8_bn", said);
        else
            print_meant(word, "", names, USAGE_COMMANDS);
    }
    print_commands(ALL | DATA);
}

static bool is_megabytes(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return text[digits] == '\0' && digits >= 1 && digits <= 9 && strspn(text, "0") < digits;
}

/* What an option without choices takes. */
static const char *expected_text(int id)
{
    switch (id) {
    case OPT_MAX_MEMORY:
        return "megabytes";
    case OPT_FIGURE:
        return "the id of a figure";
    case OPT_STEP:
        return "milliseconds";
    case OPT_RANKS:
        return "a number of ranks";
    case OPT_LATENCY:
        return "a time such as 20us";
    case OPT_BANDWIDTH:
        return "bits a second such as 10Gb";
    default:
        return "a path";
    }
}

/* Whether `value` is allowed for an option; says what is if not. */
static bool check_value(int id, const char *value)
{
    const char *const *choices = usage_options[id].choices;
    const char *name = usage_options[id].name;
    for (int i = 0; i < USAGE_CHOICES && choices[i] != NULL; i++)
        if (strchr(choices[i], ' ') != NULL ? is_numbered_norm(value, choices[i])
                                            : strcmp(choices[i], value) == 0)
            return true;
    if (choices[0] != NULL) {
        fprintf(said, "burin: --%s %s", name, value);
        print_meant(value, "", choices, USAGE_CHOICES);
        print_expected(choices, USAGE_CHOICES);
        return false;
    }
    if (id == OPT_MAX_MEMORY && !is_megabytes(value)) {
        fprintf(said, "burin: --%s %s: expected megabytes, from 1 to 999999999\n", name, value);
        return false;
    }
    if (value[0] == '\0') {
        fprintf(said, "burin: --%s: the value is empty: expected %s\n", name, expected_text(id));
        return false;
    }
    return true;
}

/* Says what is wrong with the option that getopt stopped at; `result` is what it returned. */
static void explain_option(int result, const char *word)
{
    if (result == ':') {
        int id = optopt == 'o' ? OPT_OUTPUT : optopt;
        fprintf(said, "burin: --%s: the value is missing", usage_options[id].name);
        if (usage_options[id].choices[0] != NULL)
            print_expected(usage_options[id].choices, USAGE_CHOICES);
        else
            fprintf(said, ": expected %s\n", expected_text(id));
    } else if (optopt == OPT_HELP || optopt == OPT_VERSION ||
               (optopt < OPTION_COUNT && optopt > 0 && usage_options[optopt].value == NULL)) {
        fprintf(said, "burin: %s: a value too many: expected none\n", word);
    } else if (optopt != 0) {
        fprintf(said, "burin: -%c: no such option: expected -o or -h\n", optopt);
    } else {
        const char *names[OPTION_COUNT];
        char typed[WORDS_SIZE];
        for (int i = 0; i < OPTION_COUNT; i++)
            names[i] = usage_options[i].name;
        snprintf(typed, sizeof typed, "%.*s", (int)strcspn(word, "="), word);
        fprintf(said, "burin: %s: no such option", word);
        print_meant(typed, "--", names, OPTION_COUNT);
        fputs(": expected one of the help\n", said);
    }
}

/* Says which commands take an option. */
static void explain_command(int id, const char *command)
{
    fprintf(said, "burin: --%s: %s does not take it", usage_options[id].name, command);
    print_commands(usage_options[id].commands);
}

/* Whether a command takes so many words; says how many if not. */
static bool check_operands(const struct usage_command *command, int count)
{
    if (count >= command->least && count <= command->most)
        return true;
    const char *expected =
        count > command->most && command->excess != NULL ? command->excess : command->expected;
    fprintf(said, "burin: %s: expected %s, got %d\n", command->name, expected, count);
    return false;
}

/* The words behind the command: what it takes first and perhaps a network, or the folders of runs
 * as run1, run2, ... */
static size_t add_operands(struct host_argument *arguments, const struct usage_command *command,
                           int count, char **words)
{
    static char keys[USAGE_MOST_OPERANDS][KEY_SIZE];
    for (int i = 0; i < count; i++) {
        if (command->bit == REPORT)
            snprintf(keys[i], KEY_SIZE, "%s%d", command->operand, i + 1);
        else
            snprintf(keys[i], KEY_SIZE, "%s", i == 0 ? command->operand : "network");
        arguments[i] = (struct host_argument){keys[i], words[i]};
    }
    return (size_t)count;
}

/* What an option is that is not given; NULL: Lua finds it out. */
static const char *fallback_of(int id, unsigned bit)
{
    if (id == OPT_NORM && (bit & (EXPORT | FREEZE)) != 0)
        return NULL; /* the file of the model may say its norm */
    if (id == OPT_ISA && bit == FREEZE)
        return "c"; /* compiles anywhere */
    return usage_options[id].fallback;
}

static int run(const struct usage_command *command, int operands, char **words,
               const char *const *values)
{
    const char *gen_dir = values[OPT_GEN_DIR];
    if (gen_dir != NULL && access(gen_dir, R_OK | X_OK) != 0) {
        fprintf(said, "burin: --gen-dir %s: cannot be read: %s\n", gen_dir, strerror(errno));
        return HOST_FAILED;
    }
    struct host_argument arguments[1 + OPTION_COUNT + USAGE_MOST_OPERANDS];
    unsigned bit = command->bit;
    size_t count = 0;
    arguments[count++] = (struct host_argument){"version", BURIN_VERSION};
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (usage_options[id].key == NULL)
            continue;
        const char *value = values[id] != NULL ? values[id] : fallback_of(id, bit);
        arguments[count++] = (struct host_argument){usage_options[id].key, value};
    }
    count += add_operands(arguments + count, command, operands, words);

    struct host *host = host_open(&(struct host_options){
        .gen_dir = gen_dir, .memory_limit = (bit & MODELS) != 0 ? model_memory : 0});
    if (host == NULL) {
        fputs("burin: out of memory\n", said);
        return HOST_FAILED;
    }
    enum host_status status = host_call(host, "main", command->name, arguments, count);
    if (status != HOST_OK)
        fprintf(said, "%s%s\n", status == HOST_REJECTED ? "" : "burin: ", host_message(host));
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
        fprintf(said, "burin: /proc/self/exe: cannot be read: expected the folder of %s\n", name);
        return HOST_FAILED;
    }
    memcpy(path + length, name, sizeof name);
    pid_t child;
    int status = 0, failed = posix_spawnp(&child, path, NULL, NULL, argv, environ);
    if (failed != 0) {
        fprintf(said, "burin: %s: %s: expected it beside burin\n", path, strerror(failed));
        return HOST_FAILED;
    }
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : HOST_FAILED;
}

static bool is_printed(void)
{
    return fflush(stdout) == 0;
}

enum parsed { PARSED, PARSED_DONE, PARSED_LOST, PARSED_WRONG };

/* The command that the help is asked of, wherever it stands. */
static const struct usage_command *command_among(int argc, char **argv)
{
    const struct usage_command *command = NULL;
    for (int i = 1; i < argc && command == NULL; i++)
        command = usage_find(argv[i]);
    return command;
}

/* Reads the options of a command line into values, or prints the help or the version. */
static enum parsed parse(int argc, char **argv, const char *values[OPTION_COUNT])
{
    struct option long_options[OPTION_COUNT + 3] = {{0}}; /* the last ends them */
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct usage_option *option = &usage_options[id];
        int argument = option->value != NULL ? required_argument : no_argument;
        long_options[id] = (struct option){option->name, argument, NULL, id};
    }
    long_options[OPTION_COUNT] = (struct option){"help", no_argument, NULL, OPT_HELP};
    long_options[OPTION_COUNT + 1] = (struct option){"version", no_argument, NULL, OPT_VERSION};
    opterr = 0;
    int id;
    while ((id = getopt_long(argc, argv, ":ho:", long_options, NULL)) != -1) {
        if (id == 'h' || id == OPT_HELP) {
            usage_print(stdout, command_among(argc, argv));
            return is_printed() ? PARSED_DONE : PARSED_LOST;
        }
        if (id == OPT_VERSION) {
            puts("burin " BURIN_VERSION);
            return is_printed() ? PARSED_DONE : PARSED_LOST;
        }
        if (id == '?' || id == ':') {
            explain_option(id, argv[optind - 1]);
            return PARSED_WRONG;
        }
        if (id == 'o')
            id = OPT_OUTPUT;
        const char *value = usage_options[id].value == NULL ? "yes" : optarg;
        if (!check_value(id, value))
            return PARSED_WRONG;
        values[id] = value;
    }
    return PARSED;
}

static int start(int argc, char **argv)
{
    const char *values[OPTION_COUNT] = {NULL};
    if (!open_standard_descriptors())
        return HOST_FAILED;
    umask(umask(S_IWOTH) | S_IWOTH); /* whatever the user allows: nothing that all may write */
    signal(SIGCHLD,
           SIG_DFL); /* a parent may have ignored it, and then no child could be waited for */
    if (argc > 1 && strcmp(argv[1], "data") == 0)
        return start_data(argv + 1);
    enum parsed parsed = parse(argc, argv, values);
    if (parsed != PARSED)
        return parsed == PARSED_DONE   ? HOST_OK
               : parsed == PARSED_LOST ? HOST_FAILED
                                       : usage_error();
    const struct usage_command *command = optind < argc ? usage_find(argv[optind]) : NULL;
    if (command == NULL) {
        explain_unknown(argv[optind]);
        return usage_error();
    }
    if (command->bit == DATA) { /* start_data takes it where it comes first */
        fputs("burin: data: stands behind options: expected burin data [options] PATH\n", said);
        return usage_error();
    }
    int operands = argc - optind - 1;
    if (!check_operands(command, operands))
        return usage_error();
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (values[id] != NULL && (usage_options[id].commands & command->bit) == 0) {
            explain_command(id, command->name);
            return usage_error();
        }
    }
    return run(command, operands, argv + optind + 1, values);
}

int main(int argc, char **argv)
{
    char *text = NULL;
    size_t size;
    said = open_memstream(&text, &size);
    if (said == NULL)
        said = stderr;
    const int status = start(argc, argv);
    if (said != stderr && fclose(said) == 0)
        lines_print(stderr, text);
    else if (said != stderr)
        fputs("burin: out of memory\n", stderr);
    free(text);
    return status;
}
