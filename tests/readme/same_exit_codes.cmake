# cmake -D ROOT=<source tree> -P same_exit_codes.cmake
foreach(page README.md docs/exit-codes.md)
  file(STRINGS ${ROOT}/${page} rows_of_${page} REGEX "^[|] [0-9]+ [|]")
endforeach()
list(LENGTH rows_of_docs/exit-codes.md n_rows)
if(n_rows LESS 10 OR NOT "${rows_of_README.md}" STREQUAL "${rows_of_docs/exit-codes.md}")
  message(FATAL_ERROR "README.md has other exit codes than docs/exit-codes.md:\n${rows_of_README.md}")
endif()
