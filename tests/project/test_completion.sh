#!/bin/sh
# What bash and zsh complete of command lines of burin and of the programs that it generates.
#
#     tests/project/test_completion.sh BURIN PROGRAM
#
# PROGRAM is one of any network.
set -eu
for shell in bash zsh; do
    if ! command -v $shell > /dev/null; then
        echo "skipped: there is no $shell: setup.sh installs it"
        exit 77
    fi
done
bad=0

# expect WHAT GOT WANT: GOT is WANT.
expect() {
    if [ "$2" != "$3" ]; then
        echo "$1: expected '$3', got '$2'"
        bad=1
    fi
}

# The words that bash offers for the last one of a command line.
bash_words() {
    bash -c '
        eval "$("$1" completion bash)"
        shift
        COMP_WORDS=(burin "$@")
        COMP_CWORD=$#
        COMPREPLY=()
        _burin burin "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}"' bash "$burin" "$@"
}
burin=$1 program=$2
expect 'bash: burin g' "$(bash_words g)" 'gen'
expect 'bash: burin e' "$(bash_words e)" 'export'
expect 'bash: burin --' "$(bash_words --)" '--help --version'
expect 'bash: gen --n' "$(bash_words gen --n)" '--norm'
expect 'bash: report --n' "$(bash_words report --n)" '--numbers'
expect 'bash: --norm g' "$(bash_words gen --norm g)" 'gn'
expect 'bash: -o s8' "$(bash_words gen -o s8)" ''
expect 'bash: --tuned s8' "$(bash_words gen --tuned s8)" ''
expect 'bash: plan s8_' "$(bash_words --norm bn plan s8_)" 's8_best'
expect 'bash: plan len' "$(bash_words plan len)" 'lenet'
expect 'bash: completion' "$(bash_words completion '')" 'bash zsh'


# The same for a program, which is called s8_bn.
bash_program_words() {
    bash -c '
        eval "$("$1" completion bash)"
        read -ra known <<< "$(complete -p s8_bn)"
        COMP_WORDS=("$@")
        COMP_WORDS=("$2" "${COMP_WORDS[@]:2}")
        COMP_CWORD=$(( $# - 2 ))
        "${known[-2]}" "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}"' bash "$burin" "$program" "$@"
}
expect 'bash: program' "$(bash_program_words '')" \
    'train eval predict bench info --help --version'
expect 'bash: program e' "$(bash_program_words e)" 'eval'
expect 'bash: program eval --m' "$(bash_program_words eval --m)" '--model --mean'
expect 'bash: program eval --resize' "$(bash_program_words eval --resize '')" 'fit crop'
expect 'bash: program eval --data s' "$(bash_program_words eval --data s)" 'synthetic'
expect 'bash: program eval --out' "$(bash_program_words eval --out '')" ''
expect 'bash: program eval --skip-bad' "$(bash_program_words eval --skip-bad --th)" '--threads'
expect 'bash: program train --out=a/b' "$(bash_program_words train --out=a/b --no-a)" '--no-augment'
expect 'bash: program bench --s' "$(bash_program_words bench --s)" '--steps --start'

# In zsh the functions that complete are replaced by ones that say what they were told.
zsh_says() {
    zsh -f -c '
        _arguments() { [[ $1 == -C ]] && { state=$kind; return 1 }; print -rl -- "$@" }
        _describe() { print -rl -- "${(@P)2}" }
        kind=$2
        words=("${@[3,-1]}")
        eval "$("$1" completion zsh)"' zsh "$burin" "$@"
}
expect 'zsh: commands' "$(zsh_says command | sed -n 's/:.*//p' | tr '\n' ' ')" \
    'gen plan scale twin data layers report export import freeze new completion '
expect 'zsh: gen --norm' "$(zsh_says argument gen | sed -n 's/^--norm\[.*\]//p')" ':NORM:(bn gn ln in cn rms none)'
expect 'zsh: gen --candidate' "$(zsh_says argument gen | grep -c "model's")" 1
expect 'zsh: gen' "$(zsh_says argument gen | tail -n 1)" '*:network:_burin_network'
expect 'zsh: layers' "$(zsh_says argument layers | grep -c '^1:kind:(conv .* augment)$')" 1
expect 'zsh: report' "$(zsh_says argument report | tail -n 1)" '*:run:_files -/'

# What a program completes: the description of what is offered, or the words themselves.
zsh_program_says() {
    zsh -f -c '
        _describe() { print -rl -- "${(@P)2}" }
        compadd() { shift; print -rl -- "$@" }
        _files() { print files }
        service=s8_bn
        burin=$1
        words=("${@[2,-1]}")
        CURRENT=$(( $# - 1 ))
        eval "$("$burin" completion zsh)"' zsh "$burin" "$program" "$@"
}
expect 'zsh: program e' "$(zsh_program_says e | sed -n 's/^eval://p')" \
    'evaluate a model on the test set'
expect 'zsh: program eval --m' "$(zsh_program_says eval --m | sed -n 's/^--std://p')" \
    "their deviation; default: what the model's file"
expect 'zsh: program eval --resize' "$(zsh_program_says eval --resize '' | tr '\n' ' ')" 'fit crop '
expect 'zsh: program eval --out' "$(zsh_program_says eval --out '' | tr '\n' ' ')" ' files '
expect 'zsh: program predict' "$(zsh_program_says predict '')" 'files'
expect 'zsh: names' "$("$burin" completion zsh | sed -n '1s/#compdef burin -P //p')" \
    '*_(bn|gn|ln|in|cn|rms|none|[bg]n[0-9]##)'
exit $bad
