# SPDX-License-Identifier: GPL-3.0-or-later
# The World vocabulary is not ours to commit: it comes from the pinned `rwkv` wheel at configure time.
# Sets ROOKERY_WORLD_VOCAB_FILE, empty when it could not be had: the app then asks for the file at run time.
set(ROOKERY_WORLD_VOCAB "" CACHE FILEPATH "rwkv_vocab_v20230424.txt, to build without the network")

set(ROOKERY_WORLD_VOCAB_FILE "")
set(_wheel_version 0.8.32)
set(_wheel_sha256 d3f0594810a4a7e91569f177003ec22294c3eabc91c5f8d0ff3511702d4b67c1)
set(_vocab_sha256 e6dee3d4e31b4d5c40ac99508ac6c701ceef4bed681bf2167ce9a908552bca89)
set(_vocab_dir ${CMAKE_BINARY_DIR}/world_vocabulary)
set(_vocab ${_vocab_dir}/rwkv_vocab_v20230424.txt)

function(_rookery_check_vocab file out)
  set(${out} FALSE PARENT_SCOPE)
  if(EXISTS ${file})
    file(SHA256 ${file} actual)
    if(actual STREQUAL _vocab_sha256)
      set(${out} TRUE PARENT_SCOPE)
    endif()
  endif()
endfunction()

file(MAKE_DIRECTORY ${_vocab_dir})
if(ROOKERY_WORLD_VOCAB)
  file(COPY_FILE ${ROOKERY_WORLD_VOCAB} ${_vocab} ONLY_IF_DIFFERENT RESULT _ignored)
endif()
_rookery_check_vocab(${_vocab} _have_vocab)

if(NOT _have_vocab)
  find_program(PIP_PROGRAM NAMES pip3 pip)
  if(PIP_PROGRAM)
    execute_process(
      COMMAND ${PIP_PROGRAM} download --quiet --disable-pip-version-check --no-deps --no-cache-dir
              -d ${_vocab_dir} rwkv==${_wheel_version}
      RESULT_VARIABLE _pip_result OUTPUT_QUIET ERROR_VARIABLE _pip_error)
    set(_wheel ${_vocab_dir}/rwkv-${_wheel_version}-py3-none-any.whl)
    if(EXISTS ${_wheel})
      file(SHA256 ${_wheel} _actual)
      if(_actual STREQUAL _wheel_sha256)
        file(ARCHIVE_EXTRACT INPUT ${_wheel} DESTINATION ${_vocab_dir}/wheel PATTERNS *rwkv_vocab_v20230424.txt)
        # The wheel holds the file with CRLF line ends; the official one has LF.
        find_program(TR_PROGRAM tr)
        execute_process(COMMAND ${TR_PROGRAM} -d "\\r" INPUT_FILE ${_vocab_dir}/wheel/rwkv/rwkv_vocab_v20230424.txt
                        OUTPUT_FILE ${_vocab})
        _rookery_check_vocab(${_vocab} _have_vocab)
      else()
        message(WARNING "The rwkv wheel has an unexpected SHA-256 and is not used: ${_actual}")
      endif()
    endif()
  endif()
endif()

if(_have_vocab)
  set(ROOKERY_WORLD_VOCAB_FILE ${_vocab})
  message(STATUS "World vocabulary: embedded")
else()
  message(STATUS "World vocabulary: not found; the app will ask for rwkv_vocab_v20230424.txt "
                 "(or configure with -DROOKERY_WORLD_VOCAB=FILE)")
endif()
