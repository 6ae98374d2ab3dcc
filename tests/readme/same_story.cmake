# cmake -D PROGRAM=... -D TOOL=... -D MODEL=... -P same_story.cmake
execute_process(COMMAND ${TOOL} run --quiet --model ${MODEL} --prompt "Tell me a story."
                OUTPUT_VARIABLE expected RESULT_VARIABLE result)
string(STRIP "${expected}" expected)
string(LENGTH "${expected}" length)
if(NOT result EQUAL 0 OR length LESS 40)
  message(FATAL_ERROR "the tool told no story (${result}): ${expected}")
endif()
execute_process(COMMAND ${PROGRAM} ${MODEL} OUTPUT_VARIABLE told RESULT_VARIABLE result)
string(STRIP "${told}" told)
if(NOT result EQUAL 0 OR NOT told STREQUAL expected)
  message(FATAL_ERROR "expected: ${expected}\ntold (${result}): ${told}")
endif()
