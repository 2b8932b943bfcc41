/* usage.c - the tables of commands and options, and the help that is made of them. */
#include "usage.h"

#include <stdbool.h>
#include <string.h>

#include "lines.h"

/* Choices with a number: burin.c checks it, layers.lua knows what it means. */
#define GHOST_NORM "bn1 to bn9999"
#define GROUPS_NORM "gn1 to gn9999"

const struct usage_option usage_options[OPTION_COUNT] = {
    [OPT_NORM] =
        {"norm",
         "norm",
         "bn",
         "NORM",
         "bn, gn, ln, in, cn, rms or none: what norm() layers are; bn16: batch norm over 16 "
         "images, gn8: 8 groups [bn; export, freeze: what the model says]",
         GEN | PLAN | SCALE | TWIN | EXPORT | FREEZE,
         {"bn", "gn", "ln", "in", "cn", "rms", "none", GHOST_NORM, GROUPS_NORM}},
    [OPT_ISA] = {"isa",
                 "isa",
                 "native",
                 "ISA",
                 "native, avx2, avx512 or c, with --precision bf16 also amx, freeze also neon; native "
                 "asks the CPU, c is portable C [native; freeze: c, in plain loops]",
                 GEN | PLAN | SCALE | FREEZE,
                 {"native", "avx2", "avx512", "amx", "c", "neon"}},
    [OPT_REAL] = {"real",
                  "real",
                  "float",
                  "TYPE",
                  "float or double: type of the numbers; double is for checks of gradients, in "
                  "portable C [float]",
                  GEN,
                  {"float", "double"}},
    [OPT_PRECISION] = {"precision",
                       "precision",
                       NULL,
                       "TYPE",
                       "fp32 or bf16: what convolutions multiply; sums and all else stay fp32 "
                       "[what the recipe says]",
                       GEN | PLAN | SCALE,
                       {"fp32", "bf16"}},
    [OPT_OUTPUT] = {"output",
                    "output",
                    NULL,
                    "FILE",
                    "where to write [gen: generated/<net>_<norm>_<isa>.c; twin, import: standard "
                    "output; report: report.html or ID.svg]",
                    GEN | TWIN | REPORT | EXPORT | IMPORT | FREEZE,
                    {NULL}},
    [OPT_ALGORITHM] = {"algorithm",
                       "algorithm",
                       "auto",
                       "ALG",
                       "auto or direct: how convolutions are computed [auto]",
                       GEN | PLAN,
                       {"auto", "direct"}},
    [OPT_UNROLL] = {"unroll",
                    "unroll",
                    "tile",
                    "HOW",
                    "tile, full or none: what is written out in the kernels; full adds the input "
                    "channels, none is plain loops in portable C, to be read [tile]",
                    GEN | PLAN,
                    {"tile", "full", "none"}},
    [OPT_MAX_MEMORY] = {"max-memory",
                        "max_memory",
                        NULL,
                        "MB",
                        "what training may need; more is an error [4096]",
                        GEN,
                        {NULL}},
    [OPT_TUNED] = {"tuned",
                   "tuned",
                   "auto",
                   "FILE",
                   "choose kernels by the measurements in FILE; none leaves it to the model [auto: "
                   "those of this CPU, gen/tuned/<cpu>.lua, if `make tune` wrote it]",
                   GEN | PLAN,
                   {NULL}},
    [OPT_RECIPE] = {"recipe",
                    "recipe",
                    NULL,
                    "FILE",
                    "write the recipe into a C file of its own, to be compiled with the program; a "
                    "change of it leaves the program as it is",
                    GEN,
                    {NULL}},
    [OPT_CANDIDATE] = {"candidate",
                       "candidate",
                       NULL,
                       "N",
                       "take the N-th candidate of every convolution kernel, the first being the "
                       "model's, to measure",
                       GEN | PLAN,
                       {NULL}},
    [OPT_PASS] = {"pass",
                  "pass",
                  NULL,
                  "PASS",
                  "print what one pass makes, as plain tables: network, graph, steps, layouts, "
                  "phases, calls, memory or kernels; choices, as --tuned reads them; shape: name, "
                  "images and classes in a line; or flags: those that the compiler needs",
                  PLAN,
                  {"network", "shape", "graph", "steps", "layouts", "phases", "calls", "memory",
                   "kernels", "choices", "flags"}},
    [OPT_SUMMARY] = {"summary",
                     "summary",
                     NULL,
                     NULL,
                     "print what it comes to in three lines: parameters, MFLOP, memory",
                     PLAN,
                     {NULL}},
    [OPT_STEP] = {"step",
                  "step",
                  NULL,
                  "MS",
                  "milliseconds of a step on one rank, as the program's bench --steps prints them",
                  SCALE,
                  {NULL}},
    [OPT_RANKS] = {"ranks", "ranks", "256", "N", "the most ranks to tell of [256]", SCALE, {NULL}},
    [OPT_LATENCY] =
        {"latency", "latency", "20us", "TIME", "of a message: 20us, 0.5ms [20us]", SCALE, {NULL}},
    [OPT_BANDWIDTH] = {"bandwidth",
                       "bandwidth",
                       "10Gb",
                       "BITS",
                       "a second, into and out of a rank: 10Gb, 100Mb [10Gb]",
                       SCALE,
                       {NULL}},
    [OPT_FIGURE] = {"figure",
                    "figure",
                    NULL,
                    "ID",
                    "one figure alone, as a picture: its id on the page, such as accuracy [the "
                    "whole page]",
                    REPORT,
                    {NULL}},
    [OPT_NUMBERS] = {"numbers",
                     "numbers",
                     NULL,
                     NULL,
                     "show and print the numbers of the page, which else are folded",
                     REPORT,
                     {NULL}},
    [OPT_OPSET] = {"opset",
                   "opset",
                   "17",
                   "N",
                   "17 to 23: the version of the operators [17]",
                   EXPORT,
                   {"17", "18", "19", "20", "21", "22", "23"}},
    [OPT_PREPROCESS] = {"preprocess",
                        "preprocess",
                        "outside",
                        "WHERE",
                        "outside or inside: whether the graph takes normalised images or bytes, 0 "
                        "to 255 [outside]",
                        EXPORT,
                        {"outside", "inside"}},
    [OPT_WEIGHTS] = {"weights",
                     "weights",
                     NULL,
                     "FILE",
                     "import: also write the weights, as safetensors; freeze: write them there, "
                     "apart from the C, which takes their address",
                     IMPORT | FREEZE,
                     {NULL}},
    [OPT_EXTERNAL] = {"external",
                      "external",
                      NULL,
                      NULL,
                      "read tensors that stand in files beside the model's",
                      IMPORT,
                      {NULL}},
    [OPT_SAMPLES] = {"samples",
                     "samples",
                     NULL,
                     "FILE",
                     "images with their logits, as the program's eval --samples writes them, for "
                     "the self test [samples.safetensors in the folder of the run]",
                     FREEZE,
                     {NULL}},
    [OPT_GEN_DIR] = {"gen-dir",
                     NULL,
                     NULL,
                     "DIR",
                     "take scripts from DIR and templates from DIR/../templates, not from the "
                     "executable",
                     ALL,
                     {NULL}},
};

#define A_MODEL "a model, and its network where the model does not say it"

const struct usage_command usage_commands[] = {
    {"gen", GEN, NULL, "write the C program that trains the network", 1, 1, "network",
     "one network", NULL},
    {"plan", PLAN, NULL, "print the plan: layers, shapes, parameters, MFLOP, kernels, memory", 1, 1,
     "network", "one network", NULL},
    {"scale", SCALE, "scale --step MS [options] NETWORK.lua",
     "compute how long a step would take on many ranks", 1, 1, "network", "one network", NULL},
    {"twin", TWIN, NULL, "write the same network as a PyTorch module with the same parameter names",
     1, 1, "network", "one network", NULL},
    {"data", DATA, "data [options] PATH",
     "say what data lies at a path: format, shape, images, classes; burin data --help", 0, 0,
     "path", "", NULL},
    {"layers", LAYERS, "layers [KIND]",
     "print the manual of the description language, or what it says of one call, as conv", 0, 1,
     "kind", "one kind of layer, or nothing", NULL},
    {"report", REPORT, "report [options] RUN...",
     "write an HTML page that compares runs: the folders that `train` wrote", 1,
     USAGE_MOST_OPERANDS, "run", "the folders of one run or more", "at most 512 runs"},
    {"export", EXPORT, "export MODEL -o FILE.onnx [options] [NETWORK.lua]",
     "write a trained model, a .safetensors file or the folder of a run, as ONNX", 1, 2, "model",
     A_MODEL, NULL},
    {"import", IMPORT, "import FILE.onnx -o NETWORK.lua [options]",
     "write the description of an ONNX model, and its weights", 1, 1, "model", "one model", NULL},
    {"freeze", FREEZE, "freeze MODEL -o DIR [options] [NETWORK.lua]",
     "write a trained model as C that stands alone: pixels in, probabilities out", 1, 2, "model",
     A_MODEL, NULL},
    {"new", NEW, "new NAME",
     "make a folder for a network of one's own: description, Makefile, README", 1, 1, "name",
     "the name of a new folder", NULL},
    {"completion", COMPLETION, "completion bash|zsh",
     "print what makes a shell complete command lines of burin", 1, 1, "shell", "bash or zsh",
     NULL},
};
const int usage_command_count = (int)(sizeof usage_commands / sizeof usage_commands[0]);

const struct usage_command *usage_find(const char *name)
{
    for (int i = 0; i < usage_command_count; i++) {
        if (strcmp(usage_commands[i].name, name) == 0)
            return &usage_commands[i];
    }
    return NULL;
}

/* -- The help ---------------------------------------------------------------------------------- */

enum { USAGE_COLUMN = 13, COMMAND_COLUMN = 14, TEXT_COLUMN = 23, WORDS_SIZE = 512 };

/* "(gen, plan)", or "(all)". */
static void name_commands(char *out, unsigned bits)
{
    strcpy(out, bits == ALL ? "(all" : "");
    for (int i = 0; i < usage_command_count && bits != ALL; i++) {
        if ((usage_commands[i].bit & bits) != 0) {
            strcat(out, out[0] == '\0' ? "(" : ", ");
            strcat(out, usage_commands[i].name);
        }
    }
    strcat(out, ")");
}

/* With the commands that take it, unless it is told for one of them. */
static void print_option(FILE *out, const struct usage_option *option, bool takers_too)
{
    char takers[WORDS_SIZE / 2], words[WORDS_SIZE];
    int column = fprintf(out, "  %s--%s%s%s", strcmp(option->name, "output") == 0 ? "-o, " : "",
                         option->name, option->value != NULL ? " " : "",
                         option->value != NULL ? option->value : "");
    name_commands(takers, option->commands);
    snprintf(words, sizeof words, "%s %s", option->help, takers_too ? takers : "");
    lines_words(out, words, column, TEXT_COLUMN, lines_columns(out));
}

static void print_command(FILE *out, const struct usage_command *command)
{
    const char *line = command->line;
    char words[WORDS_SIZE];
    snprintf(words, sizeof words, "usage: burin %s%s", line != NULL ? line : command->name,
             line != NULL ? "" : " [options] NETWORK.lua");
    lines_words(out, words, 0, 0, lines_columns(out));
    fputc('\n', out);
    lines_words(out, command->help, 0, 0, lines_columns(out));
    fputs("\nOptions\n", out);
    for (int id = 0; id < OPTION_COUNT; id++) {
        if ((usage_options[id].commands & command->bit) != 0)
            print_option(out, &usage_options[id], false);
    }
    fputs("  --help               print this and exit\n", out);
}

void usage_print(FILE *out, const struct usage_command *command)
{
    if (command != NULL) {
        print_command(out, command);
        return;
    }
    lines_print(out, "burin - engraves a neural network into C\n\n"
                     "usage: burin COMMAND [options] NETWORK.lua\n");
    for (int i = 0; i < usage_command_count; i++) {
        if (usage_commands[i].line != NULL)
            lines_words(out, usage_commands[i].line, fprintf(out, "       burin"), USAGE_COLUMN,
                        lines_columns(out));
    }
    lines_print(out,
                "\n"
                "NETWORK.lua is the path of a network description, or the bare name of one in\n"
                "gen/nets or examples, such as s8. Options may stand before or after it.\n"
                "\n"
                "Commands\n");
    for (int i = 0; i < usage_command_count; i++)
        lines_words(out, usage_commands[i].help, fprintf(out, "  %s", usage_commands[i].name),
                    COMMAND_COLUMN, lines_columns(out));
    fputs("\nOptions\n", out);
    for (int id = 0; id < OPTION_COUNT; id++)
        print_option(out, &usage_options[id], true);
    lines_print(out,
                "  --help               print this, or after a command its own, and exit\n"
                "  --version            print the version and exit\n"
                "\n"
                "Limits\n"
                "  A description runs for at most 10 seconds in 64 MiB; checking and planning it\n"
                "  take at most 20 seconds of processor time and 256 MiB. Beyond them it is\n"
                "  rejected.\n"
                "\n"
                "Exit codes\n"
                "  0           done\n"
                "  1           failure\n"
                "  2           wrong usage\n"
                "  5           the description was rejected\n"
                "\n"
                "Examples\n"
                "  burin gen --norm gn --isa avx2 -o s8_gn.c s8\n"
                "  burin plan my/network.lua\n"
                "  burin new digits && cd digits && make train\n"
                "  burin report runs/s8_bn runs/s8_gn -o report.html\n"
                "  burin report runs/s8_bn runs/s8_gn --figure accuracy -o accuracy.svg\n"
                "  burin export runs/s8_bn -o s8.onnx\n"
                "  burin import resnet.onnx -o resnet.lua --weights resnet.safetensors\n"
                "  burin freeze runs/s8_bn -o frozen\n");
}
