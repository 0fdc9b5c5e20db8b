#include "data/npy_header.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "paths.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/npy_bytes.h"

namespace hornet {
namespace {

NpyHeader parse(const std::string& bytes) {
  return parse_npy_header(std::as_bytes(std::span(bytes)), "x.npy");
}

NpyHeader parse_dict(const std::string& dict, size_t data_bytes = 48) {
  return parse(npy_bytes(dict, std::string(data_bytes, 'x')));
}

const std::string kGood = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";

TEST(NpyHeader, Parse_EachVersion_FindsTypeShapeAndData) {
  for (const int major : {1, 2, 3}) {
    const NpyHeader header = parse(npy_bytes_of("<f4", "(3, 4)", std::string(48, 'x'), major));
    EXPECT_EQ(header.dtype, DType::kFloat32);
    EXPECT_FALSE(header.big_endian);
    EXPECT_EQ(header.shape, (Shape{3, 4}));
    EXPECT_EQ(header.data_offset, 128u);
  }
}

TEST(NpyHeader, Parse_EveryType_IsKnownInEveryByteOrder) {
  const struct {
    const char* code;
    DType dtype;
  } kTypes[] = {{"b1", DType::kBool},    {"i1", DType::kInt8},    {"u1", DType::kUInt8},
                {"i2", DType::kInt16},   {"u2", DType::kUInt16},  {"i4", DType::kInt32},
                {"u4", DType::kUInt32},  {"i8", DType::kInt64},   {"u8", DType::kUInt64},
                {"f2", DType::kFloat16}, {"f4", DType::kFloat32}, {"f8", DType::kFloat64}};
  for (const auto& type : kTypes) {
    for (const char* order : {"<", ">", "=", "|", ""}) {
      const std::string data(2 * size_of(type.dtype), '\0');
      const NpyHeader header = parse(npy_bytes_of(order + std::string(type.code), "(2,)", data));
      EXPECT_EQ(header.dtype, type.dtype) << order << type.code;
      EXPECT_EQ(header.big_endian, order[0] == '>') << order << type.code;
    }
  }
}

TEST(NpyHeader, Parse_OtherSpellingsOfTheSame_AreRead) {
  for (const char* dict :
       {"{'shape':(3,4),'fortran_order':False,'descr':'<f4'}",
        "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (3, 4,)}",
        " {  'descr' : '<f4' ,\n'fortran_order':False\t, 'shape' : ( 3 , 4 ) , }  \n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }"}) {
    EXPECT_EQ(parse_dict(dict).shape, (Shape{3, 4})) << dict;
  }
}

TEST(NpyHeader, Parse_NoRowsOrEmptyRows_AreFine) {
  EXPECT_EQ(parse(npy_bytes_of("<f4", "(0, 4)", "")).shape, (Shape{0, 4}));
  EXPECT_EQ(parse(npy_bytes_of("<f4", "(5, 0)", "")).shape, (Shape{5, 0}));
}

TEST(NpyHeader, Parse_FortranOrderOfRank1_IsTheSameOrder) {
  EXPECT_EQ(parse_dict("{'descr': '<f4', 'fortran_order': True, 'shape': (12,), }").shape,
            (Shape{12}));
}

TEST(NpyHeader, Parse_FortranOrder_IsRefused) {
  EXPECT_ERROR(parse_dict("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }"),
               ErrorCode::kUnsupported, "x.npy: the array [3, 4] is in column-major");
}

TEST(NpyHeader, Parse_TypesThatAreNoNumbers_AreRefusedByName) {
  const struct {
    const char* descr;
    const char* named;
  } kTypes[] = {{"|O", "Python objects"}, {"<c8", "complex"},      {"|S5", "byte strings"},
                {"<U7", "strings"},       {"|V2", "bfloat16"},     {"<M8[ns]", "dates"},
                {"<m8", "time"},          {"<f16", "long doubles"}};
  for (const auto& type : kTypes) {
    EXPECT_ERROR(parse(npy_bytes_of(type.descr, "(3, 4)", "")), ErrorCode::kUnsupported,
                 type.named);
    EXPECT_ERROR(parse(npy_bytes_of(type.descr, "(3, 4)", "")), ErrorCode::kUnsupported,
                 std::string("descr \"") + type.descr + "\"");
  }
}

TEST(NpyHeader, Parse_Records_AreRefused) {
  EXPECT_ERROR(parse_dict("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 4), }"),
               ErrorCode::kUnsupported, "x.npy: its elements are records");
  EXPECT_ERROR(parse_dict("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (3, 4), }"),
               ErrorCode::kUnsupported, "records");
}

TEST(NpyHeader, Parse_UnknownType_IsBroken) {
  for (const char* descr : {"<q9", "", "<", "f", "<f4 ", "<<f4", "i4x", "b2"}) {
    const std::string dict =
        std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (3, 4), }";
    EXPECT_THROW(parse_dict(dict), Error) << descr;
  }
  EXPECT_ERROR(parse(npy_bytes_of("<q9", "(3, 4)", "")), ErrorCode::kInvalidInput,
               "has the type \"<q9\"; expected one as '<f4'");
}

TEST(NpyHeader, Parse_RankZero_IsASingleValue) {
  EXPECT_TRUE(parse(npy_bytes_of("<f4", "()", "abcd")).shape.empty());
}

TEST(NpyHeader, Parse_AnythingButADictionaryOfLiterals_IsRefused) {
  for (const char* dict : {"",
                           "{",
                           "{}",
                           "x",
                           "[1, 2]",
                           "{'descr'",
                           "{'descr': '<f4'",
                           "{'descr': '<f4' 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } x",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }}",
                           "{,'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': '<f4',, 'fortran_order': False, 'shape': (3, 4)}",
                           "{descr: '<f4', 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': '<f4\", 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': u'<f4', 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': '<' + 'f4', 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': 5, 'fortran_order': False, 'shape': (3, 4)}",
                           "{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4)}",
                           "{'descr': '<f4', 'fortran_order': 1if 1, 'shape': (3, 4)}",
                           "{'descr': '<f4', 'fortran_order': Falsey, 'shape': (3, 4)}",
                           "{'descr': '<f4', 'fortran_order': not True, 'shape': (3, 4)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': [3, 4]}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (12)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': 12}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3,, 4)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2*2)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4.0)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 04)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, +4)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (0x3, 4)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, (4))}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 12)}"}) {
    EXPECT_ERROR(parse_dict(dict), ErrorCode::kInvalidInput, "x.npy");
  }
  EXPECT_ERROR(parse_dict(kGood + std::string("\0", 1)), ErrorCode::kInvalidInput,
               "\"\\x00\" at character 59; expected nothing more");
}

TEST(NpyHeader, Parse_MissingKey_IsNamed) {
  EXPECT_ERROR(parse_dict("{'fortran_order': False, 'shape': (3, 4)}"), ErrorCode::kInvalidInput,
               "has no key \"descr\"");
  EXPECT_ERROR(parse_dict("{'descr': '<f4', 'shape': (3, 4)}"), ErrorCode::kInvalidInput,
               "has no key \"fortran_order\"");
  EXPECT_ERROR(parse_dict("{'descr': '<f4', 'fortran_order': False}"), ErrorCode::kInvalidInput,
               "has no key \"shape\"");
}

TEST(NpyHeader, Parse_SecondOrUnknownKey_IsNamed) {
  EXPECT_ERROR(parse_dict("{'shape': (12,), " + kGood.substr(1)), ErrorCode::kInvalidInput,
               "a second key \"shape\"");
  EXPECT_ERROR(parse_dict("{'color': 'red', " + kGood.substr(1)), ErrorCode::kInvalidInput,
               "unknown key \"color\"");
}

TEST(NpyHeader, Parse_NegativeDimension_IsRefused) {
  EXPECT_ERROR(parse_dict("{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4)}"),
               ErrorCode::kInvalidInput, "expected a dimension (0, 1, 2, ...)");
}

TEST(NpyHeader, Parse_ShapesThatOverflow_AreRefused) {
  for (const char* shape :
       {"(9223372036854775808,)", "(99999999999999999999999999, 1)", "(9223372036854775807, 4)",
        "(4294967296, 4294967296)", "(4611686018427387904,)", "(0, 4294967296, 4294967296)",
        "(4294967296, 4294967296, 0)"}) {
    EXPECT_ERROR(parse(npy_bytes_of("<f4", shape, "")), ErrorCode::kInvalidInput, "x.npy");
  }
}

TEST(NpyHeader, Parse_TooManyDimensions_AreRefused) {
  std::string shape = "(";
  for (int i = 0; i < 65; ++i) shape += "1, ";
  EXPECT_ERROR(parse(npy_bytes_of("<f4", shape + ")", "abcd")), ErrorCode::kInvalidInput,
               "more than 64 dimensions");
}

TEST(NpyHeader, Parse_DataThatIsCut_SaysHowMuchIsMissing) {
  EXPECT_ERROR(parse_dict(kGood, 47), ErrorCode::kInvalidInput,
               "x.npy: is cut: 47 bytes of data; expected 48 for float32 [3, 4]");
  EXPECT_ERROR(parse_dict(kGood, 0), ErrorCode::kInvalidInput, "is cut: 0 bytes");
}

TEST(NpyHeader, Parse_DataThatGoesOn_IsRefused) {
  EXPECT_ERROR(parse_dict(kGood, 49), ErrorCode::kInvalidInput,
               "has 49 bytes of data; expected 48 for float32 [3, 4], and nothing after them");
}

TEST(NpyHeader, Parse_EveryPrefixOfAFile_IsAnError) {
  for (const int major : {1, 2, 3}) {
    const std::string whole = npy_bytes_of("<f4", "(3, 4)", std::string(48, 'x'), major);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_ERROR(parse(whole.substr(0, size)), ErrorCode::kInvalidInput, "x.npy: ");
    }
    parse(whole);
  }
}

TEST(NpyHeader, Parse_HeaderLengthBeyondTheFile_IsRefused) {
  std::string bytes = npy_bytes(kGood, std::string(48, 'x'));
  bytes[8] = bytes[9] = '\xff';
  EXPECT_ERROR(parse(bytes), ErrorCode::kInvalidInput,
               "x.npy: says its header has 65535 bytes; there are 107 in the file");
  bytes = npy_bytes(kGood, std::string(48, 'x'), 2);
  bytes[8] = bytes[9] = bytes[10] = bytes[11] = '\xff';
  EXPECT_ERROR(parse(bytes), ErrorCode::kInvalidInput, "says its header has 4294967295 bytes");
}

TEST(NpyHeader, Parse_HeaderLengthThatCutsTheDictionary_IsRefused) {
  std::string bytes = npy_bytes(kGood, std::string(48, 'x'));
  for (size_t length = 0; length < kGood.size(); ++length) {
    bytes[8] = static_cast<char>(length);
    EXPECT_ERROR(parse(bytes), ErrorCode::kInvalidInput, "x.npy: ");
  }
}

TEST(NpyHeader, Parse_OtherVersions_AreRefused) {
  std::string bytes = npy_bytes(kGood, std::string(48, 'x'));
  for (const char* version : {"\x04\x01", "\x01\x01", "\xff\xff"}) {
    bytes.replace(6, 2, version);
    EXPECT_ERROR(parse(bytes), ErrorCode::kUnsupported, "of the npy format; expected 1.0, 2.0");
  }
  bytes[6] = bytes[7] = '\0';
  EXPECT_ERROR(parse(bytes), ErrorCode::kUnsupported, "has version 0.0");
}

TEST(NpyHeader, Parse_OtherFiles_ShowWhatTheyStartWith) {
  EXPECT_ERROR(parse("\x89HDF\r\n\x1a\n"), ErrorCode::kInvalidInput,
               "x.npy: starts with \"\\x89HDF\\x0d\\x0a\"; expected \"\\x93NUMPY\"");
  EXPECT_ERROR(parse(""), ErrorCode::kInvalidInput, "x.npy: is empty; expected a .npy file");
}

TEST(NpyHeader, Parse_RandomDamage_IsAnErrorOrAHeaderThatFits) {
  constexpr unsigned kSeed = 11;
  std::mt19937 random(kSeed);
  const std::string whole = npy_bytes_of("<f4", "(3, 4)", std::string(48, 'x'));
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (unsigned i = 0; i <= random() % 3; ++i) {
      bytes[random() % 70] = static_cast<char>(random() % 2 != 0 ? random() : ' ' + random() % 95);
    }
    try {
      const NpyHeader header = parse(bytes);
      ASSERT_EQ(header.data_offset + num_bytes(header.dtype, header.shape), bytes.size()) << bytes;
    } catch (const Error& error) {
      ASSERT_NE(error.code(), ErrorCode::kInternal) << error.what();
    }
  }
}

// The header that numpy 1.26 writes for numpy.zeros((3, 4), "float32").
TEST(NpyHeader, Write_Rows_IsWhatNumpyWrites) {
  const std::string expected = std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
                               "                                                          \n";
  ASSERT_EQ(expected.size(), 128u);
  EXPECT_EQ(npy_header(DType::kFloat32, {3, 4}), expected);
}

TEST(NpyHeader, Write_OfWhatIsRead_GivesTheBytesOfTheFile) {
  for (const char* name : {"float64", "int64"}) {
    const std::string bytes = read_file(HORNET_TEST_DATA "/data/" + std::string(name) + ".npy");
    const NpyHeader header = parse(bytes);
    EXPECT_EQ(npy_header(header.dtype, header.shape), bytes.substr(0, header.data_offset));
  }
}

TEST(NpyHeader, Write_ShapeTuples_AreThoseOfPython) {
  EXPECT_NE(npy_header(DType::kBool, {5}).find("'descr': '|b1'"), std::string::npos);
  EXPECT_NE(npy_header(DType::kUInt8, {5}).find("'descr': '|u1'"), std::string::npos);
  EXPECT_NE(npy_header(DType::kFloat16, {5}).find("'descr': '<f2'"), std::string::npos);
  EXPECT_NE(npy_header(DType::kInt64, {5}).find("'shape': (5,), }"), std::string::npos);
  EXPECT_NE(npy_header(DType::kInt64, {0, 1, 2}).find("'shape': (0, 1, 2), }"), std::string::npos);
}

TEST(NpyHeader, Write_AnyShape_IsAMultipleOf64ThatReadsBack) {
  Shape shape = {0};
  for (int rank = 1; rank <= 64; ++rank) {
    const std::string header = npy_header(DType::kUInt16, shape);
    EXPECT_EQ(header.size() % 64, 0u);
    EXPECT_EQ(header.back(), '\n');
    EXPECT_EQ(parse(header).shape, shape);
    shape.push_back(rank % 2 + 1);
  }
}

TEST(NpyHeader, Write_BFloat16_IsRefused) {
  EXPECT_ERROR(npy_header(DType::kBFloat16, {3}), ErrorCode::kUnsupported,
               "a .npy file cannot hold bfloat16");
}

}  // namespace
}  // namespace hornet
