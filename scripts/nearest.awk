# Says that the first word is none of the others, and which of them was meant.
#
#     awk -f scripts/nearest.awk EPOCH NET NORM EPOCHS
#
# The one at the smallest edit distance, where a change, a letter too many, one too few and two that
# changed places count one; where that is far away, none is named.

function smaller(a, b) { return a < b ? a : b }

function distance(a, b,    i, j, d, same)
{
    for (i = 0; i <= length(a); i++) d[i, 0] = i
    for (j = 0; j <= length(b); j++) d[0, j] = j
    for (i = 1; i <= length(a); i++)
        for (j = 1; j <= length(b); j++) {
            same = substr(a, i, 1) == substr(b, j, 1)
            d[i, j] = smaller(smaller(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + !same)
            if (i > 1 && j > 1 && substr(a, i - 1, 2) == substr(b, j, 1) substr(b, j - 1, 1))
                d[i, j] = smaller(d[i, j], d[i - 2, j - 2] + 1)
        }
    return d[length(a), length(b)]
}

BEGIN {
    word = ARGV[1]
    best = ARGV[2]
    for (i = 3; i < ARGC; i++)
        if (distance(toupper(word), ARGV[i]) < distance(toupper(word), best)) best = ARGV[i]
    printf "%s: no such variable: ", word
    if (distance(toupper(word), best) <= smaller(2, length(word) - 1)) {
        printf "did you mean %s?\n", best
    } else {
        printf "expected one that make help lists\n"
    }
}
