# A floor is one folder of src/ and one target. Its headers are included as "folder/header.h"; the
# include path that makes this work holds that one folder only, so that a floor sees the floors it
# links (and theirs) and a wrong include does not compile.
add_library(hornet_options INTERFACE)
# Off are warnings in which g++ 12 is mistaken where it inlines std::string, std::variant and
# std::vector (GCC bugs 105651, 105562, 104475).
target_compile_options(hornet_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wno-restrict
                       -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow
                       -Wno-stringop-overread -Werror)
option(HORNET_FUZZ "Instrument for libFuzzer; needs clang" OFF)
if(HORNET_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  # The options above are for g++.
  target_compile_options(hornet_options INTERFACE -Wno-unknown-warning-option -Wno-error)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(HORNET_SANITIZE)
  add_compile_options(-fsanitize=${HORNET_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HORNET_SANITIZE})
  if(HORNET_SANITIZE MATCHES undefined AND HORNET_SANITIZE_BRIEF)
    # Leaves out vptr, the types of objects that are cast.
    add_compile_options(-fsanitize-undefined-trap-on-error)
  elseif(HORNET_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  # What sanitizers add are millions of addresses; relocated, they would double the start of a
  # program.
  string(APPEND CMAKE_EXE_LINKER_FLAGS " -no-pie")
endif()

# Code that runs once, or only says what to check: optimising it costs more time than it saves, above
# all under sanitizers (CLI11, GoogleTest).
function(hornet_compile_fast target)
  if(HORNET_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

# hornet_floor(NAME [UNITY] SOURCES file... LINKS floor... LIBRARIES library...)
# LINKS are floors below; LIBRARIES stay private to this floor. UNITY compiles the files eight at a
# time, in less than half of the time: names without linkage differ in all its files then.
function(hornet_floor name)
  cmake_parse_arguments(FLOOR "UNITY" "" "SOURCES;LINKS;LIBRARIES" ${ARGN})
  set(view ${PROJECT_BINARY_DIR}/floors/${name})
  file(MAKE_DIRECTORY ${view})
  if(NOT EXISTS ${view}/${name})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${name} ${view}/${name} SYMBOLIC)
  endif()
  add_library(hornet_${name} STATIC ${FLOOR_SOURCES})
  target_include_directories(hornet_${name} PUBLIC ${view} ${PROJECT_SOURCE_DIR}/include)
  if(FLOOR_UNITY)
    set_target_properties(hornet_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # g++ 12 again, with what it inlines then.
    target_compile_options(hornet_${name} PRIVATE -Wno-free-nonheap-object)
  endif()
  list(TRANSFORM FLOOR_LINKS PREPEND hornet_)
  target_link_libraries(hornet_${name} PUBLIC ${FLOOR_LINKS}
                        PRIVATE hornet_options ${FLOOR_LIBRARIES})
endfunction()
