/* typed.c - one option for each row of settings that has one, and the flags. */
#include "train/typed.h"

#include <assert.h>

#include "ranks/ranks.h"
#include "sys/lines.h"
#include "sys/options.h"
#include "train/settings_rows.h"

/* The flags: of a setting, what it becomes; of `train` alone, where that is noted. */
struct flags {
    bool no_shuffle, no_augment, no_dropout, log_steps, skip_bad, partial;
};

struct table {
    struct option_spec specs[OPTIONS_MAX];
    char names[SETTING_COUNT][40];
    int count;
};

static void add(struct table *table, const char *name, const char *value, const char *help,
                enum option_kind kind, void *target)
{
    assert(table->count < OPTIONS_MAX);
    table->specs[table->count++] = (struct option_spec){name, value, help, kind, target, 0, 0};
}

static void describe(struct table *table, struct typed *typed, struct flags *flags)
{
    table->count = 0;
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct settings_row *row = &settings_rows[i];
        if (row->help == NULL)
            continue;
        settings_option((enum settings_key)i, table->names[i], sizeof table->names[i]);
        add(table, table->names[i] + 2, row->value, row->help, OPTION_TEXT, &typed->text[i]);
    }
    const struct {
        const char *name, *help;
        bool *target;
    } rows[] = {
        {"skip-bad", "leave out images that cannot be read, and count them", &flags->skip_bad},
        {"partial", "with --init: take the parameters that fit, and list the others",
         &flags->partial},
        {"resume-anyway", "with --resume: though layers, kernels, images or settings have changed",
         &typed->anyway},
        {"no-augment", "images as they are", &flags->no_augment},
        {"no-shuffle", "images in the order of the files", &flags->no_shuffle},
        {"no-dropout", "dropout layers pass everything", &flags->no_dropout},
        {"data-from-root", "the first rank alone reads the images and gives them to the others",
         &typed->from_root},
        {"log-steps", "the loss of every step into log.jsonl, too", &flags->log_steps},
        {"profile", "print at the end where the time of the steps went", &typed->profile},
        {"pin", "each thread stays on a processor of its own", &typed->pin},
        {"quiet", "print only the result", &typed->quiet},
    };
    add(table, "ranks", "N", "so many processes on this machine; no influence on results",
        OPTION_INT, &typed->ranks);
    table->specs[table->count - 1].min = 1;
    table->specs[table->count - 1].max = RANKS_MAX;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        add(table, rows[i].name, NULL, rows[i].help, OPTION_ON, rows[i].target);
}

bool typed_parse(struct typed *typed, int argc, char **argv, struct err *err)
{
    struct table table;
    struct flags flags = {.log_steps = false};
    uint64_t given = 0;
    *typed = (struct typed){.ranks = 1};
    describe(&table, typed, &flags);
    if (!options_parse(table.specs, table.count, argc, argv, &given, err))
        return false;
    typed->help = (given >> OPTIONS_HELP & 1) != 0;
    if (flags.no_shuffle)
        typed->text[SETTING_SHUFFLE] = "off";
    if (flags.no_augment)
        typed->text[SETTING_AUGMENT] = "off";
    if (flags.no_dropout)
        typed->text[SETTING_DROPOUT] = "off";
    if (flags.skip_bad)
        typed->text[SETTING_SKIP_BAD] = "on";
    if (flags.partial)
        typed->text[SETTING_PARTIAL] = "on";
    if (flags.log_steps)
        typed->text[SETTING_LOG_STEPS] = "on";
    return true;
}

void typed_help(const struct model *model, const char *program)
{
    struct table table;
    struct typed typed;
    struct flags flags;
    describe(&table, &typed, &flags);
    lines_print(
        stdout, "",
        "usage: %s train [options]\n\n"
        "Trains %s (%s) and writes log.jsonl, log.csv, last.safetensors and best.safetensors.\n"
        "An interrupted training (Ctrl-C) saves its state and prints the command that goes on.\n",
        program, model->name, model->norm);
    options_help(stdout, table.specs, table.count);
}
