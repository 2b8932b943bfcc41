/* generated_names.h - included before a generated file: see generated.h. */
#ifndef BURIN_TEST_GENERATED_NAMES_H
#define BURIN_TEST_GENERATED_NAMES_H

int generated_main(int argc, char **argv);

#define main generated_main
#define program_main generated_program_main

#endif
