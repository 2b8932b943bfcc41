#compdef burin -P *_(${program_patterns})
# What zsh completes of command lines of burin and of programs that it generated, which it knows by
# their names. Made by `burin completion zsh`.

_burin_network()
{
    _alternative 'networks:network:(${networks})' 'files:file:_files -g "*.lua"'
}

_burin()
{
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C '(- *)--help[print the help]' '(- *)--version[print the version]' \
        '1:command:->command' '*::argument:->argument' && return
    case $state in
        command)
            local -a commands
            commands=(
            @ for _, command in ipairs(commands) do
                ${command.help}
            @ end
            )
            _describe command commands
            ;;
        argument)
            case $words[1] in
                @ for _, command in ipairs(commands) do
                    ${command.name})
                    _arguments \
                    @ for _, argument in ipairs(command.arguments) do
                        ${argument} \
                    @ end
                    ${command.operand}
                    ;;
                @ end
            esac
            ;;
    esac
}

# A program is asked for its help: "  train      train the network", "  --resize fit|crop    text".
_burin_program()
{
    local program=${unquoted}words[1]} before=$words[CURRENT-1] help value
    local -a command lines
    (( CURRENT > 2 )) && command=($words[2])
    help=$($~program $command --help 2> /dev/null)
    value=$(print -r -- $help | awk -v option=$before \
        '$1 == option && substr($0, length($1) + 4, 1) != " " { print $2 }')
    if (( CURRENT == 2 )); then
        lines=(${lines_of}"$(print -r -- $help | sed -n 's/^  \([a-z-][a-z-]*\)  *\(.*\)/\1:\2/p')"})
        _describe command lines
    elif [[ $before == --* && -n $value ]]; then
        lines=(${lines_of}"$(print -r -- $value | tr '|' '\n' | grep '^[a-z]')"})
        compadd -- $lines
        (( $#lines )) || _files
    elif [[ $words[CURRENT] == -* ]]; then
        lines=(${lines_of}"$(print -r -- $help | awk '/^  --/ {
            name = $1
            sub(/^  --[a-z-]*( [^ ]+)? */, "")
            print name ":" $0
        }')"})
        _describe option lines
    else
        _files
    fi
}

case $service in
    *_*) _burin_program ;;
    *) _burin "$@" ;;
esac
