-- Names that would end a comment, a string or an identifier in C.
return network {
    name = "a*/ int main(void) { return system(\"id\"); } /*",
    input = { 3, 32, 32 }, classes = 10,
    recipe = { optimizer = sgd { lr = 0.1 } },
    layers = {
        relu { name = "x = 0; #include <stdlib.h>\n" },
        relu { name = "x\\" },
        global_avgpool { name = "??/" },
        linear { 10, name = "a\0b" },
        softmax_cross_entropy(),
    },
}
