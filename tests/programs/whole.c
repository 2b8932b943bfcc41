/* whole.c - makes a generated file that is compiled as generated.h says the program that it is, so
 * that the tests of its kernels and those of the program need it compiled once. */
#include "export.h"
#include "program.h"

int generated_main(int argc, char **argv);
int generated_program_main(const struct model *model, int argc, char **argv)
    BURIN_EXPORT(generated_program_main);

int generated_program_main(const struct model *model, int argc, char **argv)
{
    return program_main(model, argc, argv);
}

int main(int argc, char **argv)
{
    return generated_main(argc, argv);
}
