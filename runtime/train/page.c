/* page.c - a program without a network: its help is the manual page of those that burin generates.
 */
#include "program.h"

int main(int argc, char **argv)
{
    static const struct layer layers[1];
    static const struct recipe recipe = {.batch = 1, .epochs = 1, .lr = 1};
    static const struct model model = {
        .name = "NETWORK", .norm = "NORM", .isa = "ISA", .recipe = &recipe, .layers = layers};
    return program_main(&model, argc, argv);
}
