# Installs Hornet into an empty folder, builds the examples with nothing but that, and predicts
# with them.
function(run result)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "exit code ${code} of: ${command}\n${output}")
  endif()
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

function(expect text pattern)
  if(NOT text MATCHES "${pattern}")
    message(FATAL_ERROR "expected \"${pattern}\", found:\n${text}")
  endif()
endfunction()

set(prefix ${SCRATCH_DIR}/prefix)
set(digits ${SOURCE_DIR}/examples/digits)
file(REMOVE_RECURSE ${SCRATCH_DIR})
file(MAKE_DIRECTORY ${SCRATCH_DIR})
run(ignored ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})

# Public headers need the standard library and each other.
file(GLOB_RECURSE headers RELATIVE ${prefix}/include ${prefix}/include/*.h)
if(NOT headers)
  message(FATAL_ERROR "no headers are installed")
endif()
foreach(header ${headers})
  file(STRINGS ${prefix}/include/${header} includes REGEX "^#include")
  foreach(include ${includes})
    if(NOT include MATCHES "^#include (\"hornet/.*\"|<[a-z_0-9]+>)$")
      message(FATAL_ERROR "${header} has ${include}")
    endif()
  endforeach()
  run(ignored ${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Werror
      -I ${prefix}/include -include ${header} -x c++ /dev/null)
endforeach()

foreach(example embed custom_layer)
  run(ignored ${CMAKE_COMMAND} -S ${SOURCE_DIR}/examples/${example} -B ${SCRATCH_DIR}/${example}
      -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_PREFIX_PATH=${prefix}
      -D CMAKE_BUILD_TYPE=Release)
  run(ignored ${CMAKE_COMMAND} --build ${SCRATCH_DIR}/${example})
endforeach()

run(output ${SCRATCH_DIR}/embed/embed ${digits}/digits.keras ${digits}/images.npy
    ${SCRATCH_DIR}/predictions.npy)
expect("${output}" "^1797 rows in ")
run(output ${SCORE} ${digits} ${SCRATCH_DIR}/predictions.npy)
expect("${output}" "585 of the 597 held-out digits are right")

set(custom ${SOURCE_DIR}/examples/custom_layer)
run(output ${SCRATCH_DIR}/custom_layer/custom_layer
    ${custom}/model.keras ${custom}/rows.npy ${custom}/expected.npy)
expect("${output}" "^10 rows, largest difference [0-9.]+e-0[6-9]\n$")

run(output ${prefix}/bin/hornet --version)
expect("${output}" "^hornet [0-9]+\\.[0-9]+\\.[0-9]+\n$")
file(REMOVE_RECURSE ${SCRATCH_DIR})
