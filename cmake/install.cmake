# What `cmake --install` installs: the command, libhornet with its headers, and what
# find_package(hornet) reads.
include(CMakePackageConfigHelpers)

add_library(hornet::hornet ALIAS hornet)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hornet)
install(TARGETS hornet_cli hornet_worker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS hornet EXPORT hornetTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/hornet
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT hornetTargets NAMESPACE hornet:: DESTINATION ${package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/hornetConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/hornetConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hornetConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hornetConfig.cmake
              ${PROJECT_BINARY_DIR}/hornetConfigVersion.cmake
        DESTINATION ${package_dir})
