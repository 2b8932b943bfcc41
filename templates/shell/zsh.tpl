#compdef burin
# What zsh completes of command lines of burin. Made by `burin completion zsh`.

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

_burin "$@"
