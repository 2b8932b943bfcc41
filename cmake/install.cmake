# What `cmake --install` and `make install` copy: burin with its scripts and templates inside, the
# runtime's library and headers, and what CMake and pkg-config ask for. docs/install.md lists it.
#
#     install_files     all that is made to be installed
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(made "${CMAKE_CURRENT_BINARY_DIR}/install")
file(MAKE_DIRECTORY "${made}")

# Sets `out` to the way from one folder of an installation to another, so that it can be moved.
function(way out from to)
    file(RELATIVE_PATH path "/${from}" "/${to}")
    string(REGEX REPLACE "/$" "" path "${path}")
    set(${out} "${path}" PARENT_SCOPE)
endfunction()

# -- The runtime -----------------------------------------------------------------------------------

# Joined into one object, in which hidden names become local: see runtime/export.h.
set(library "${made}/libburin_runtime.a")
add_custom_command(
    OUTPUT "${library}"
    COMMAND "${CMAKE_LINKER}" -r -o "${made}/burin_runtime.o" "$<TARGET_OBJECTS:burin_runtime>"
    COMMAND "${CMAKE_OBJCOPY}" --localize-hidden "${made}/burin_runtime.o"
    COMMAND "${CMAKE_COMMAND}" -E rm -f "${library}"
    COMMAND "${CMAKE_AR}" qc "${library}" "${made}/burin_runtime.o"
    DEPENDS burin_runtime "$<TARGET_OBJECTS:burin_runtime>"
    COMMENT "Hiding names of the runtime"
    COMMAND_EXPAND_LISTS VERBATIM)

# The headers that generated C includes, and those that they include.
set(headers export.h model.h program.h real.h rng.h run.h weights.h inspect/profile.h sys/clock.h
    sys/err.h sys/team.h train/optim.h)
foreach(header IN LISTS headers)
    get_filename_component(room "${header}" DIRECTORY)
    install(FILES "runtime/${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/burin/${room}")
endforeach()
install(FILES "${library}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
set(plugin)
if(TARGET burin_mpi)
    set(plugin burin_mpi)
    install(TARGETS burin_mpi LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
install(TARGETS burin burin_data burin_flags burin_executable EXPORT burin
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(TARGET burin_mpi)
    install(TARGETS burin_mpi LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
install(FILES LICENSE README.md CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}" FILES_MATCHING PATTERN "*.md")

install(FILES python/burin.py DESTINATION "${CMAKE_INSTALL_DATADIR}/burin/python")

# The networks that need no path, as files to begin with.
install(DIRECTORY gen/nets DESTINATION "${CMAKE_INSTALL_DATADIR}/burin/gen"
    FILES_MATCHING PATTERN "*.lua")
install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DATADIR}/burin"
    FILES_MATCHING PATTERN "*.lua")

# -- CMake and pkg-config --------------------------------------------------------------------------

set(config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/burin")
string(REPLACE ";" " " packages "${BURIN_RUNTIME_PACKAGES}")
configure_package_config_file(cmake/burin-config.cmake.in "${made}/burin-config.cmake"
    INSTALL_DESTINATION "${config_folder}"
    PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_DATADIR)
write_basic_package_version_file("${made}/burin-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(EXPORT burin NAMESPACE burin:: FILE burin-targets.cmake DESTINATION "${config_folder}")
install(FILES "${made}/burin-config.cmake" "${made}/burin-config-version.cmake"
    cmake/burin-programs.cmake DESTINATION "${config_folder}")

way(to_prefix "${CMAKE_INSTALL_LIBDIR}/pkgconfig" "")
configure_file(cmake/burin.pc.in "${made}/burin.pc" @ONLY)
install(FILES "${made}/burin.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# -- Pages and shells ------------------------------------------------------------------------------

# The day of this version.
set(date 2026-11-27)

add_executable(burin_page runtime/train/page.c)
target_link_libraries(burin_page PRIVATE burin_runtime burin_warnings)
set(pages burin.1 burin-data.1 burin-program.1 burin-language.7)
set(texts ${pages} burin _burin)
list(TRANSFORM texts PREPEND "${made}/")
add_custom_command(
    OUTPUT ${texts}
    COMMAND "${CMAKE_COMMAND}" "-DBURIN=$<TARGET_FILE:burin>" "-DDATA=$<TARGET_FILE:burin_data>"
        "-DPAGE=$<TARGET_FILE:burin_page>" -DVERSION=${burin_VERSION} -DDATE=${date} "-DOUT=${made}"
        -P cmake/pages.cmake
    DEPENDS burin burin_data burin_page cmake/pages.cmake scripts/man.awk
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    COMMENT "Writing manual pages"
    VERBATIM)
foreach(page IN LISTS pages)
    string(REGEX REPLACE "^.*[.]" "man" section "${page}")
    install(FILES "${made}/${page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/${section}")
endforeach()
install(FILES "${made}/burin"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
install(FILES "${made}/_burin" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")

add_custom_target(install_files ALL DEPENDS burin burin_data ${plugin} "${library}" ${texts})
