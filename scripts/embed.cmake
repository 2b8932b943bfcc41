# Turns files into one C file that defines embedded_files and embedded_count of host.h.
#
#     cmake -DROOT=folder -DFILES="gen/main.lua;..." -DOUTPUT=embedded.c -P embed.cmake
#
# Each file becomes an array of its bytes with a zero behind them, so any content is kept exactly.
set(arrays "")
set(table "")
set(count 0)
foreach(name IN LISTS FILES)
    file(READ "${ROOT}/${name}" bytes HEX)
    string(LENGTH "${bytes}" digits)
    math(EXPR size "${digits} / 2")
    # Twenty bytes a line.
    string(REGEX REPLACE "(........................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND arrays
        "/* ${name} */\nstatic const unsigned char text_${count}[] = {\n${bytes}0};\n\n")
    string(APPEND table "    {\"${name}\", (const char *)text_${count}, ${size}},\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}" "/* The scripts and templates of burin. Written by scripts/embed.cmake. */\n"
    "#include \"host.h\"\n\n${arrays}"
    "const struct embedded_file embedded_files[] = {\n${table}};\n"
    "const size_t embedded_count = ${count};\n")
