/* whole.c - makes a generated file that is compiled as generated.h says the program that it is, so
 * that the tests of its kernels and those of the program need it compiled once. */
#include <string.h>

#include "export.h"
#include "model.h"
#include "program.h"

int generated_main(int argc, char **argv);
int generated_program_main(const struct model *model, int argc, char **argv)
    BURIN_EXPORT(generated_program_main);

int generated_program_main(const struct model *model, int argc, char **argv)
{
    struct model runs_here = *model;
    if (strcmp(model->isa, "amx+bf16") == 0) /* its tiles are emulated */
        runs_here.isa = "avx512+bf16";
    return program_main(&runs_here, argc, argv);
}

int main(int argc, char **argv)
{
    return generated_main(argc, argv);
}
