/* fuzz_options.c - any words as a command line, and any text as a setting.
 *
 * The words, one a line, are parsed by a table with every kind of option. The first of them is also
 * given to every setting: what is accepted is printed and read again, and must be the same bits,
 * for on that rests that a resumed run has the numbers of the interrupted one.
 */
#include <math.h>
#include <string.h>

#include "../support/tiny_model.h"
#include "fuzz.h"
#include "sys/options.h"
#include "train/settings.h"

enum { WORDS = 40 };

static void check_usage(const struct err *err)
{
    FUZZ_CHECK(err->code == EXIT_USAGE && err->message[0] != '\0', "%s", err->message);
    for (const char *at = err->message; *at != '\0'; at++)
        FUZZ_CHECK((unsigned char)*at >= ' ' || *at == '\n', "a control character: %s",
                   err->message);
}

static void parse(int argc, char **argv)
{
    const char *text = NULL, *choice = NULL;
    bool on = false, off = true;
    int64_t integer = 3;
    double number = 0.5;
    uint64_t given = 0;
    struct err err = {0};
    const struct option_spec specs[] = {
        {"text", "FILE", "", OPTION_TEXT, &text, 0, 0},
        {"on", NULL, "", OPTION_ON, &on, 0, 0},
        {"off", NULL, "", OPTION_OFF, &off, 0, 0},
        {"integer", "N", "", OPTION_INT, &integer, -5, 1e15},
        {"real", "X", "", OPTION_REAL, &number, 0, 1e30},
        {"choice", "one|two|three", "", OPTION_CHOICE, &choice, 0, 0},
    };
    if (!options_parse(specs, 6, argc, argv, &given, &err)) {
        check_usage(&err);
        return;
    }
    FUZZ_CHECK(integer >= -5 && integer <= INT64_C(1000000000000000), "integer out of range");
    FUZZ_CHECK(number >= 0 && number <= 1e30, "real out of range");
    FUZZ_CHECK(text == NULL || text[0] != '\0', "empty text");
    FUZZ_CHECK(choice == NULL || strcmp(choice, "one") == 0 || strcmp(choice, "two") == 0 ||
                   strcmp(choice, "three") == 0,
               "choice %s", choice);
}

static void set(const char *word)
{
    static struct settings untouched; /* made once: it asks the system for its processors */
    if (untouched.threads == 0)
        settings_init(&untouched, &tiny_model);
    for (int i = 0; i < SETTING_COUNT; i++) {
        static struct settings settings, again;
        static char text[2 * SETTINGS_TEXT_SIZE], second[2 * SETTINGS_TEXT_SIZE];
        enum settings_key key = (enum settings_key)i;
        struct err err = {0};
        settings = again = untouched;
        if (!settings_set(&settings, key, word, SETTINGS_OPTION, "word", &err)) {
            check_usage(&err);
            continue;
        }
        settings_text(&settings, key, text, sizeof text);
        FUZZ_CHECK(settings_set(&again, key, text, SETTINGS_OPTION, "text", &err), "%s: %s: %s",
                   settings_name(key), text, err.message);
        settings_text(&again, key, second, sizeof second);
        FUZZ_CHECK(strcmp(text, second) == 0 &&
                       memcmp(&settings.recipe, &again.recipe, sizeof again.recipe) == 0,
                   "%s: %s and %s", settings_name(key), text, second);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[] = "fuzz", *argv[WORDS + 2] = {name};
    int argc = 1;
    char *words = malloc(size + 1);
    FUZZ_CHECK(words != NULL, "no memory");
    memcpy(words, data, size);
    words[size] = '\0';
    set(words);
    for (char *word = words, *end; word != NULL && argc <= WORDS; word = end) {
        end = strchr(word, '\n');
        if (end != NULL)
            *end++ = '\0';
        argv[argc++] = word;
    }
    set(words);
    parse(argc, argv);
    free(words);
    return 0;
}
