# What bash completes of command lines of burin. Made by `burin completion bash`.

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

# What no word completes is a file.
complete -o default -o bashdefault -F _burin burin
