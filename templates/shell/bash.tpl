# What bash completes of command lines of burin and of programs that it generated. Made by
# `burin completion bash`.

_burin()
{
    local current=$2 before=$3 command= word options= words=
    for word in ${words_before}; do
        case $word in
            ${name_pattern}) command=$word; break ;;
        esac
    done
    case $before in
        @ for _, option in ipairs(options) do
            @ if #option.choices > 0 then
                --${option.name}) words="${table.concat(option.choices, " ")}" ;;
            @ end
        @ end
        -o | ${texts}) return ;; # a file, or what only its user knows
    esac
    if [[ -z $words ]]; then
        case $command in
            '') words="${names}" options="--help --version" ;;
            @ for _, command in ipairs(commands) do
                ${command.name}) words="${command.words}" options="${command.options}" ;;
            @ end
        esac
        [[ $current == -* ]] && words=$options
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

# A program is asked for its help: "  train      train the network", "  --resize fit|crop    text".
_burin_program()
{
    local program=${first_word} current=$2 before=$3 command=() help value words=
    (( COMP_CWORD > 1 )) && command=(${second_word})
    help=$("$program" ${command_words} --help 2> /dev/null)
    value=$(awk -v option="$before" '$1 == option && substr($0, length($1) + 4, 1) != " " { print $2 }' \
        <<< "$help")
    if (( COMP_CWORD == 1 )); then
        words=$(sed -n 's/^  \([a-z-][a-z-]*\) .*/\1/p' <<< "$help")
    elif [[ $before == --* && -n $value ]]; then
        words=$(tr '|' '\n' <<< "$value" | grep '^[a-z]') # A, B and FILE are what its user knows
    elif [[ $current == -* ]]; then
        words=$(sed -n 's/^  \(--[a-z-]*\).*/\1/p' <<< "$help")
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

# What no word completes is a file. Programs are known by name: for others, say
#     complete -o default -F _burin_program mine_bn
complete -o default -o bashdefault -F _burin burin
complete -o default -o bashdefault -F _burin_program {${program_networks}}_{${program_norms}}
