// EXPECT_ERROR(statement, code, substring of the message)
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hornet/error.h"

#define EXPECT_ERROR(statement, expected_code, expected_text)                             \
  do {                                                                                    \
    bool thrown = false;                                                                  \
    try {                                                                                 \
      statement;                                                                          \
    } catch (const ::hornet::Error& error) {                                              \
      thrown = true;                                                                      \
      EXPECT_STREQ(::hornet::to_string(error.code()), ::hornet::to_string(expected_code)) \
          << error.message();                                                             \
      EXPECT_THAT(error.message(), ::testing::HasSubstr(expected_text));                  \
      EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();        \
    }                                                                                     \
    EXPECT_TRUE(thrown) << #statement << " throws nothing";                               \
  } while (false)
