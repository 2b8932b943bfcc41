# Trains ${name} with an installed burin; `make help` says what there is.
NET = ${name}
NORM = bn
ISA = native
DATA = synthetic
EPOCHS =
THREADS =
ARGS =
RUN = runs/$(NET)_$(NORM)
CFLAGS = -O3
BURIN = burin

PROGRAM = build/$(NET)_$(NORM)_$(ISA)
C_FILES = $(PROGRAM).c $(PROGRAM)_recipe.c
OBJECTS = $(C_FILES:.c=.o)

# The runtime's library lies beside the burin that is found.
HERE := $(dir $(shell command -v $(BURIN)))
PATHS := $(wildcard $(HERE)../lib/pkgconfig $(HERE)../lib64/pkgconfig $(HERE)../lib/*/pkgconfig)
PKG_CONFIG = PKG_CONFIG_PATH="$(subst $() ,:,$(PATHS)):$$PKG_CONFIG_PATH" pkg-config

# Recipes are indented by blanks.
.RECIPEPREFIX := $() $()
.SILENT: help tools train bench eval freeze $(PROGRAM).c
.PHONY: help tools program train bench eval freeze clean
.DELETE_ON_ERROR:

help:
    echo 'make train     generate, compile and train; the run goes into runs/'
    echo 'make program   generate and compile alone'
    echo 'make eval      evaluate the model of RUN=$(RUN)'
    echo 'make freeze    write the model of RUN= as C that stands alone, into frozen/'
    echo 'make bench     time the kernels and the step'
    echo 'make clean     remove build/; runs/ stay'
    echo
    echo 'NORM=bn         bn, gn, ln, in, cn, rms or none; bn16: batch norm over 16 images; gn8: 8 groups'
    echo 'ISA=native      native, avx2, avx512, c or, with products in bf16, amx'
    echo 'DATA=synthetic  a file or folder of images: burin data PATH says what it holds'
    echo 'EPOCHS=, THREADS=, ARGS=   of train; ARGS takes any of its options'

# What is missing is told before anything fails for want of it.
tools:
    command -v $(BURIN) > /dev/null || \
        { echo '$(BURIN): not found: expected burin in the PATH, or BURIN= its path' >&2; exit 1; }
    command -v $(firstword $(CC)) > /dev/null || \
        { echo '$(firstword $(CC)): no such C compiler: expected gcc or clang, or CC= another' >&2; exit 1; }
    command -v pkg-config > /dev/null || \
        { echo 'pkg-config: not found: expected it, to find the library of burin' >&2; exit 1; }
    $(PKG_CONFIG) --print-errors --exists burin || \
        { echo 'No library of burin: expected burin.pc in lib/pkgconfig beside the bin of burin, or in' >&2; \
          echo 'PKG_CONFIG_PATH, and the packages that it requires' >&2; exit 1; }

# A recipe that changes compiles no kernel anew.
$(PROGRAM).c: $(NET).lua | tools
    $(BURIN) gen --norm $(NORM) --isa $(ISA) -o $@ --recipe $(PROGRAM)_recipe.c $<
$(PROGRAM)_recipe.c: $(PROGRAM).c

%.o: %.c
    $(CC) $(CFLAGS) $$($(BURIN) plan --pass flags --isa $(ISA) $(NET).lua) \
        $$($(PKG_CONFIG) --cflags burin) -c -o $@ $<

$(PROGRAM): $(OBJECTS)
    $(CC) -o $@ $(OBJECTS) $(LDFLAGS) $$($(PKG_CONFIG) --libs burin)

program: $(PROGRAM)

train: program
    exec $(PROGRAM) train --data '$(DATA)' $(if $(EPOCHS),--epochs $(EPOCHS)) \
        $(if $(THREADS),--threads $(THREADS)) $(ARGS)

bench: program
    exec $(PROGRAM) bench $(if $(THREADS),--threads $(THREADS)) $(ARGS)

eval: program
    exec $(PROGRAM) eval --model '$(RUN)' --data '$(DATA)' --samples '$(RUN)/samples.safetensors' $(ARGS)

freeze: eval
    $(BURIN) freeze '$(RUN)' -o frozen

clean:
    rm -rf build
