# Makes a manual page in roff of what a program says of itself, so that the two cannot differ.
#
#     burin --help | awk -v page=burin -v section=1 -v about="..." -v date=... -v source="burin 0.2.0" \
#         -f scripts/man.awk
#
# It reads blocks of lines between empty ones, as in the help of burin and of generated programs and
# in the manual of the description language:
#
#     usage: burin COMMAND [options]       the synopsis; a program that is called by a path is PROGRAM
#     == train                             a section, put there by whoever joins several helps
#     Options                              a section: a line before lines that stand further in
#       --norm NORM   what it is           an item; its text goes on in lines that stand further in
#       burin plan s8                      an example, in the section Examples
#     words                                a paragraph
#
# In section 7, the language, lines that stand further in are examples all of them, and a line by
# itself is the heading of a section.
BEGIN {
    RS = ""
    FS = "\n"
    printf ".TH %s %s %s \"%s\" \"Manual of burin\"\n", toupper(page), section, date, source
    heading("NAME")
    printf "%s \\- %s\n", page, roff(about)
}

# Text as roff prints it: a dash that can be copied, and no command by its first character.
function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/`/, "\\(ga", text)
    gsub(/~/, "\\(ti", text)
    gsub(/\^/, "\\(ha", text)
    return text ~ /^[.']/ ? "\\&" text : text
}

function heading(text) {
    printf ".SH %s\n", toupper(roff(text))
    is_fresh = 1
}

# Begins a paragraph, but for the first of a section, which begins by itself.
function paragraph() {
    if (!is_fresh)
        print ".PP"
    is_fresh = 0
}

function example(from,    i) {
    paragraph()
    print ".nf\n.RS 4"
    for (i = from; i <= NF; i++) {
        sub(/^ ? ? ? ?/, "", $i)
        print roff($i)
    }
    print ".RE\n.fi"
}

# Lines that are items, or paragraphs where they have no second column.
function items(from,    i, line, at) {
    for (i = from; i <= NF; i++) {
        line = $i
        sub(/^ +/, "", line)
        at = match(line, /  +/)
        if ($i ~ /^   /)
            print roff(line)
        else if (at > 0)
            printf ".TP\n.B %s\n%s\n", roff(substr(line, 1, at - 1)), roff(substr(line, at + RLENGTH))
        else if ($i ~ /^  -/)
            printf ".TP\n.B %s\n", roff(line)
        else
            print roff(line)
    }
    is_fresh = 0
}

NR == 1 && $1 ~ /^[a-z]+ - / { next } # "burin - what it is", which stands in NAME

/^usage: / {
    if (!begun)
        heading("SYNOPSIS")
    print ".nf"
    for (i = 1; i <= NF; i++) {
        sub(/^(usage:)? +/, "", $i)
        sub(/^[^ ]*\/[^ ]*/, "PROGRAM", $i)
        print roff($i)
    }
    print ".fi"
    is_fresh = 0
    if (!begun++)
        heading("DESCRIPTION")
    next
}

/^== / {
    heading(substr($1, 4))
    next
}

section == 7 && $1 !~ /^ / && (NF == 1 && $1 !~ /[.:]$/) {
    heading(NR == 1 ? "DESCRIPTION" : $1)
    next
}

section == 7 && $1 !~ /^ / && $2 ~ /^ / {
    printf ".SS %s\n", roff($1)
    is_fresh = 1
    example(2)
    next
}

section == 7 && $1 ~ /^ / {
    example(1)
    next
}

$1 ~ /^  / {
    items(1)
    next
}

NF > 1 && $2 ~ /^ / {
    heading($1)
    if ($1 == "Examples")
        example(2)
    else
        items(2)
    next
}

{
    paragraph()
    for (i = 1; i <= NF; i++)
        print roff($i)
}
