/* generated.c - see generated.h. */
#include "generated.h"

#include <stdio.h>
#include <string.h>

#include "export.h"
#include "sys/cpu.h"

int generated_main(int argc, char **argv);
int generated_program_main(const struct model *model, int argc, char **argv)
    BURIN_EXPORT(generated_program_main);

static const struct model *caught;

int generated_program_main(const struct model *model, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    caught = model;
    return 0;
}

const struct model *generated_model(void)
{
    generated_main(0, NULL);
    bool emulated = GENERATED_EMULATES_AVX512 && strcmp(caught->isa, "avx512") == 0;
    bool tiles = strcmp(caught->isa, "amx+bf16") == 0; /* are always emulated in AVX-512 */
    if (emulated || cpu_supports(tiles ? "avx512+bf16" : caught->isa))
        return caught;
    printf("skipped: this processor has no %s\n", caught->isa);
    return NULL;
}
